"""goeswith init, add and models, on the corner shop's own files."""

import json

import pytest
from typer.testing import CliRunner

from goeswith.cli.app import app
from goeswith.data.shop import Shop
from goeswith.testing import corner_shop
from goeswith.versions import new_version, promote

run = CliRunner().invoke


@pytest.fixture
def files(tmp_path):
    return [str(file) for file in corner_shop.write(tmp_path / "files")]


@pytest.fixture
def shop(tmp_path, files):
    products, events = files
    return Shop.create(tmp_path / "shop", products=products, events=events)


def version_of(shop, until=None):
    facts = {"until": until}
    with new_version(shop, facts) as folder:
        (folder / "metrics.json").write_text('{"recall@10": 0.25}')
    promote(shop, facts["version"])
    return facts["version"]


def test_init_makes_a_shop_and_says_what_was_read(tmp_path, files):
    products, events = files

    done = run(app, ["init", str(tmp_path / "new"), "--products", products, "--events", events])

    assert done.exit_code == 0, done.output
    assert "rows read" in done.stdout
    assert f"Next: goeswith fit {tmp_path / 'new'}" in done.stderr.splitlines()[-1]
    assert Shop.open(tmp_path / "new").log().n_items == 13


def test_init_tells_a_machine_the_same(tmp_path, files):
    products, events = files

    done = run(app, ["init", str(tmp_path / "new"), "--products", products, "--events", events, "--json"])

    report = json.loads(done.stdout)
    assert report["shop"]["products"] == 13
    assert all(s["read"] == s["kept"] + sum(s["set_aside"].values()) for s in report["sources"])


def test_adding_the_same_events_twice_changes_nothing(shop, files):
    before = shop.log().events.height

    done = run(app, ["add", str(shop.folder), "--events", files[1]])

    assert done.exit_code == 0, done.output
    assert Shop.open(shop.folder).log().events.height == before


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["init", "{new}"], 2, "--products"),
        (["init", "{new}", "--products", "absent.csv"], 1, "absent.csv"),
        (["init", "{new}", "--events", "{events}", "--map", "product_id"], 2, "OURS=THEIRS"),
        (["init", "{new}", "--events", "{events}", "--map", "price=a", "--map", "price=b"], 2, "mapped already"),
        (["init", "{shop}", "--events", "{events}"], 1, "{shop}"),
        (["add", "{shop}"], 2, "--products"),
        (["add", "{new}", "--events", "{events}"], 1, "{new}"),
        (["fit", "{new}"], 1, "{new}"),
        (["models", "list", "{new}"], 1, "{new}"),
        (["models", "show", "{shop}"], 1, "goeswith fit"),
        (["models", "promote", "{shop}", "v9"], 1, "v9"),
        (["models", "rollback", "{shop}"], 1, "nothing to go back to"),
        (["doctor", "--folder", "{new}"], 1, "disk"),
    ],
)
def test_a_mistake_ends_in_a_message_and_an_exit_code(shop, files, tmp_path, words, code, said):
    places = {"shop": str(shop.folder), "new": str(tmp_path / "new"), "events": files[1]}

    done = run(app, [word.format(**places) for word in words])

    assert done.exit_code == code, done.output
    assert said.format(**places) in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "new").exists()


def test_a_shop_without_a_model_is_told_how_to_get_one(shop):
    done = run(app, ["models", "list", str(shop.folder)])

    assert done.exit_code == 0
    assert f"goeswith fit {shop.folder}" in done.stderr


def test_versions_are_listed_shown_promoted_and_rolled_back(shop):
    folder = str(shop.folder)
    old, new = version_of(shop), version_of(shop, until="2024-01-20")

    listed = json.loads(run(app, ["models", "list", folder, "--json"]).stdout)
    shown = run(app, ["models", "show", folder, new])
    back = run(app, ["models", "rollback", folder])
    forth = run(app, ["models", "promote", folder, new, "--json"])

    assert [(v["name"], v["current"]) for v in listed] == [(new, True), (old, False)]
    assert "2024-01-20" in shown.stdout and "0.2500" in shown.stdout
    assert f"{old} is the current model" in back.stdout
    assert json.loads(forth.stdout) == {"current": new}
