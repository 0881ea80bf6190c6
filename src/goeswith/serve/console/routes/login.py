"""Signing in and out, and the first user of a new console."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from goeswith.errors import UsageError
from goeswith.serve.console import sessions, users
from goeswith.serve.console.access import TheConsole, Viewer, from_here, is_local, session_of
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import BASE, link, page
from goeswith.serve.console.sessions import COOKIE

router = APIRouter()
Here = Depends(from_here)
Known = Annotated[sessions.Session | None, Depends(session_of)]


@router.get("/login")
async def form(request: Request, console: TheConsole, _: Known, next: str = "") -> Response:
    if not await console.store(users.has_users):
        return RedirectResponse(link("setup"), 303)
    return page(request, "login.html", next=_ours(next), name="", wrong="")


@router.post("/login", dependencies=[Here])
async def sign_in(
    request: Request,
    console: TheConsole,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "",
) -> Response:
    """From the page, or from the dialog over a page whose session ended, which wants JSON."""
    address = request.client.host if request.client else ""
    is_dialog = request.headers.get("x-console") == "1"
    try:
        user = await console.store(users.checked, name, password, address)
        wrong = "" if user else "Name or password is wrong."
    except users.LockedOut as error:
        user, wrong = None, str(error)
    if user is None:
        if is_dialog:
            return JSONResponse({"detail": wrong}, 403)
        return page(request, "login.html", 403, next=_ours(next), name=name[:60], wrong=wrong)
    token = await console.store(sessions.begin, user.name)
    if is_dialog:
        found = await console.store(sessions.find, token)
        answer: Response = JSONResponse({"csrf": found.csrf if found else "", "name": user.name})
    else:
        answer = RedirectResponse(_ours(next) or link(), 303)
    return _with_cookie(request, answer, token)


@router.post("/logout")
async def sign_out(request: Request, console: TheConsole, session: Viewer) -> Response:
    await console.store(sessions.end, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(link("login"), 303)
    answer.delete_cookie(COOKIE, path=BASE)
    return answer


@router.get("/setup")
async def setup_form(request: Request, console: TheConsole, _: Known) -> Response:
    if await console.store(users.has_users):
        return RedirectResponse(link("login"), 303)
    return page(request, "setup.html", local=is_local(request), name="", wrong="", folder=console.folder)


@router.post("/setup", dependencies=[Here])
async def setup(
    request: Request,
    console: TheConsole,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """The first user is an admin, and made on the machine itself."""
    if not is_local(request):
        return page(request, "setup.html", 403, local=False, name="", wrong="", folder=console.folder)
    try:
        if password != again:
            raise UsageError("The two passwords differ.")
        user = await console.store(users.add_user, name, "admin", password, "setup", first=True)
    except UsageError as error:
        told: dict[str, Any] = {"local": True, "name": name[:60], "wrong": str(error), "folder": console.folder}
        return page(request, "setup.html", 422, **told)
    return _with_cookie(request, RedirectResponse(link(), 303), await _begun(console, user.name))


async def _begun(console: Console, name: str) -> str:
    return await console.store(sessions.begin, name)


def _with_cookie(request: Request, answer: Response, token: str) -> Response:
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.LONGEST.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path=BASE,
    )
    return answer


def _ours(next: str) -> str:
    """A place to go back to, if it is one of the console's.

    >>> _ours("/console/rules"), _ours("//elsewhere"), _ours("/console/../v1")
    ('/console/rules', '', '')
    """
    fits = next.startswith(BASE + "/") and ".." not in next and "\\" not in next and next.isprintable()
    return next[:2_000] if fits else ""
