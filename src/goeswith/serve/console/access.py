"""Who may see and do what in the console: dependencies of its routes."""

import hmac
import re
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from goeswith.serve.answering import Answering
from goeswith.serve.at_work import AtWork
from goeswith.serve.console.holding import Console
from goeswith.serve.console.sessions import COOKIE, Session, find
from goeswith.serve.console.users import Role
from goeswith.serve.problems import Refused

SAFE = ("GET", "HEAD")
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$")


class NotSignedIn(Exception):
    """A page that needs somebody, and nobody is there."""


class NoModelYet(Exception):
    """A page that needs a model, and none answers yet."""


def console_of(request: Request) -> Console:
    return request.app.state.console


def answering_of(request: Request) -> Answering:
    return request.app.state.answering


TheConsole = Annotated[Console, Depends(console_of)]
TheAnswering = Annotated[Answering, Depends(answering_of)]


async def from_here(request: Request) -> None:
    """Changes come from the console's own pages, not from another site."""
    if request.method in SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none"):
        raise Refused(403, "This came from another site.")
    if site is None and origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
        raise Refused(403, "This came from another site.")


async def session_of(request: Request, console: TheConsole) -> Session | None:
    """Whoever is signed in, noted on the request for the page around the answer."""
    token = request.cookies.get(COOKIE, "")
    found = await console.store(find, token) if token else None
    request.state.session = found
    return found


async def viewer(
    request: Request, session: Annotated[Session | None, Depends(session_of)], _: Annotated[None, Depends(from_here)]
) -> Session:
    if session is None:
        raise NotSignedIn
    if request.method not in SAFE:
        given = request.headers.get("x-csrf")
        if given is None and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            given = str((await request.form()).get("csrf", ""))
        if not hmac.compare_digest((given or "").encode(), session.csrf.encode()):
            raise Refused(403, "This page is older than your session. Load it again, then send once more.")
    return session


def _needs(role: Role, session: Session) -> Session:
    if not session.may(role):
        raise Refused(403, f"This needs the role {role}; yours is {session.role}. Ask an admin.")
    return session


async def merchandiser(session: Annotated[Session, Depends(viewer)]) -> Session:
    return _needs("merchandiser", session)


async def admin(session: Annotated[Session, Depends(viewer)]) -> Session:
    return _needs("admin", session)


async def at_work(console: TheConsole) -> AtWork:
    work = console.work
    if work is None:
        raise NoModelYet
    return work


Viewer = Annotated[Session, Depends(viewer)]
Merchandiser = Annotated[Session, Depends(merchandiser)]
Admin = Annotated[Session, Depends(admin)]
Work = Annotated[AtWork, Depends(at_work)]


def is_local(request: Request) -> bool:
    """Whether a request was made on this machine, by a name of this machine."""
    host = request.headers.get("host", "").lower()
    client = request.client.host if request.client else ""
    here = client in ("127.0.0.1", "::1", "testclient") or client.startswith("127.")
    return here and LOOPBACK.match(host) is not None
