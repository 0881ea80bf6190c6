"""Who gets into the console, what each role may do, and what is kept of passwords and sessions."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from goeswith.cli.app import app
from goeswith.errors import UsageError
from goeswith.serve.console import sessions, tables, users
from goeswith.serve.console.users import MOST_FAILURES
from goeswith.serve.store.database import now

pytest_plugins = ["goeswith.testing.serving"]
ADA = {"name": "ada", "password": "correct horse"}


@pytest.fixture
def served(serve_corner):
    """The corner shop with an admin, who is signed in."""
    made = serve_corner()
    made.http.follow_redirects = False
    made.http.post("/console/setup", data={**ADA, "again": "correct horse"})
    return made


def csrf(http):
    return http.get("/console/rules").text.partition('name="csrf" content="')[2].partition('"')[0]


def signed_in(served, name, role):
    """A second browser, with a user of this role in it."""
    users.add_user(served.service.database, name, role, "battery staple", "test")
    token = sessions.begin(served.service.database, name)
    return {"cookie": f"{sessions.COOKIE}={token}"}, sessions.find(served.service.database, token).csrf


def test_the_first_user_is_an_admin_and_there_is_no_second_first(served):
    again = served.http.post("/console/setup", data={"name": "eve", "password": "0123456789", "again": "0123456789"})

    assert [(one.name, one.role) for one in users.all_users(served.service.database)] == [("ada", "admin")]
    assert again.status_code == 422 and "Somebody has set up this console already" in again.text


def test_the_first_user_is_made_on_the_machine_itself(serve_corner):
    served = serve_corner()

    elsewhere = served.http.post(
        "/console/setup", data={**ADA, "again": ADA["password"]}, headers={"host": "shop.example"}
    )

    assert elsewhere.status_code == 403  # the service without keys answers to localhost alone
    assert not served.http.get("/console/setup", follow_redirects=False).headers.get("location")


@pytest.mark.parametrize(
    "path", ["", "explore?product=pasta", "rules", "customers?id=ben", "keys", "audit", "search?q=milk"]
)
def test_nobody_sees_anything_without_signing_in_and_comes_back_to_where_they_were(served, path):
    served.http.cookies.clear()

    answer = served.http.get(f"/console/{path}")
    part = served.http.get(f"/console/{path}", headers={"hx-request": "true"})

    assert answer.status_code == 303 and answer.headers["location"].startswith("/console/login?next=%2Fconsole%2F")
    assert part.status_code == 401 and "Pasta" not in part.text


def test_signing_in_leads_back_but_never_elsewhere(served):
    inside = served.http.post("/console/login", data={**ADA, "next": "/console/rules"})
    outside = served.http.post("/console/login", data={**ADA, "next": "https://elsewhere.example/console/"})

    assert inside.headers["location"] == "/console/rules"
    assert outside.headers["location"] == "/console/"
    assert "HttpOnly" in inside.headers["set-cookie"] and "samesite=lax" in inside.headers["set-cookie"].lower()


def test_five_wrong_passwords_lock_the_name_even_for_the_right_one_known_or_not(served):
    for name in ("ada", "nobody"):
        for _ in range(MOST_FAILURES):
            assert served.http.post("/console/login", data={"name": name, "password": "wrong"}).status_code == 403
        told = served.http.post("/console/login", data={"name": name, "password": ADA["password"]})
        assert told.status_code == 403 and "Wait 15 minutes" in told.text

    with served.service.database.writing() as connection:
        connection.execute(update(tables.failures).values(at=now() - timedelta(minutes=16)))
    assert served.http.post("/console/login", data=ADA).status_code == 303


def test_the_database_holds_no_password_and_no_session(served):
    token = served.http.cookies[sessions.COOKIE]
    with served.service.database.reading() as connection:
        rows = str(connection.execute(select(tables.users)).all()) + str(
            connection.execute(select(tables.sessions)).all()
        )

    assert "$argon2id$" in rows
    assert ADA["password"] not in rows and token not in rows


@pytest.mark.parametrize(
    "column, ago", [("seen", sessions.IDLE), ("begun", sessions.LONGEST)], ids=["left alone", "too long"]
)
def test_a_session_ends(served, column, ago):
    assert served.http.get("/console/").status_code == 200

    with served.service.database.writing() as connection:
        connection.execute(update(tables.sessions).values({column: now() - ago - timedelta(seconds=1)}))

    assert served.http.get("/console/").status_code == 303


def test_signing_out_ends_the_session_not_only_the_cookie(served):
    token = served.http.cookies[sessions.COOKIE]

    served.http.post("/console/logout", data={"csrf": csrf(served.http)})

    assert sessions.find(served.service.database, token) is None


def test_a_change_needs_the_token_of_the_session_and_comes_from_the_console_itself(served):
    form = {"base": "0", "ban": "jam"}
    right = csrf(served.http)

    assert served.http.post("/console/rules", data=form).status_code == 403
    assert served.http.post("/console/rules", data={**form, "csrf": "guess"}).status_code == 403
    other = {"sec-fetch-site": "cross-site"}
    assert served.http.post("/console/rules", data={**form, "csrf": right}, headers=other).status_code == 403
    assert served.http.post("/console/login", data=ADA, headers=other).status_code == 403
    assert served.http.post("/console/login", data=ADA, headers={"origin": "https://e.example"}).status_code == 403
    assert served.service.known.rules is None
    assert served.http.post("/console/rules", data={**form, "csrf": right}).status_code == 303


@pytest.mark.parametrize(
    "method, path, form, least",
    [
        ("GET", "rules", {}, "viewer"),
        ("POST", "rules/preview", {"ban": "jam"}, "viewer"),
        ("POST", "rules", {"base": "0"}, "merchandiser"),
        ("POST", "data/fit", {"way": "nonsense"}, "admin"),
        ("POST", "models/promote", {"version": "none"}, "admin"),
        ("GET", "customers/export?id=ben", {}, "admin"),
        ("POST", "customers/forget", {"id": "nobody"}, "admin"),
        ("GET", "keys", {}, "admin"),
        ("GET", "audit", {}, "admin"),
        ("POST", "users", {"name": "x", "role": "admin", "password": "short"}, "admin"),
    ],
)
def test_a_role_may_what_it_says_and_no_more(served, method, path, form, least):
    served.http.cookies.clear()
    roles = ["viewer", "merchandiser", "admin"]
    for role in roles:
        cookie, token = signed_in(served, role, role)
        answer = served.http.request(
            method, f"/console/{path}", data={**form, "csrf": token} if method == "POST" else None, headers=cookie
        )
        assert (answer.status_code != 403) == (roles.index(role) >= roles.index(least)), (role, answer.status_code)


def test_a_role_that_is_taken_away_is_gone_at_once(served):
    served.http.cookies.clear()
    cookie, _ = signed_in(served, "bob", "admin")
    assert served.http.get("/console/audit", headers=cookie).status_code == 200

    users.change_user(served.service.database, "bob", "test", role="viewer")

    assert served.http.get("/console/audit", headers=cookie).status_code == 303


def test_the_last_admin_stays(served):
    database = served.service.database

    with pytest.raises(UsageError, match="last admin"):
        users.remove_user(database, "ada", "test")
    with pytest.raises(UsageError, match="last admin"):
        users.change_user(database, "ada", "test", role="viewer")
    users.add_user(database, "bob", "admin", "battery staple", "test")
    users.remove_user(database, "ada", "bob")

    assert [one.name for one in users.all_users(database)] == ["bob"]


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_a_password_has_a_length(served, password):
    with pytest.raises(UsageError, match="10 to 200"):
        users.add_user(served.service.database, "bob", "viewer", password, "test")


def test_users_from_the_command_line(corner):
    shop = str(corner.folder)

    made = CliRunner().invoke(app, ["users", "add", shop, "bob", "--role", "admin", "--password", "battery staple"])
    again = CliRunner().invoke(app, ["users", "add", shop, "bob", "--password", "battery staple"])
    listed = CliRunner().invoke(app, ["users", "list", shop, "--json"])

    assert made.exit_code == 0 and "bob may open the console as admin" in made.output
    assert again.exit_code == 2 and "bob is a user already" in again.output
    assert '"role": "admin"' in listed.output
    assert CliRunner().invoke(app, ["users", "remove", shop, "bob"]).exit_code == 2  # the last admin


def test_every_page_forbids_scripts_of_others_and_is_not_kept(served):
    answer = served.http.get("/console/")

    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "default-src 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "x-frame-options" in answer.headers
