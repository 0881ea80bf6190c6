"""From a template and what a route found out to a page."""

import json
from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from goeswith.serve.console.language import language_of, speaker

HERE = Path(__file__).parent
BASE = "/console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES = (
    # address, title, icon, role that it needs
    ("", "Home", "home", "viewer"),
    ("explore", "Explore", "explore", "viewer"),
    ("map", "Map", "map", "viewer"),
    ("basket", "Basket", "basket", "viewer"),
    ("customers", "Customers", "people", "viewer"),
    ("rules", "Rules", "rules", "viewer"),
    ("models", "Models", "models", "viewer"),
    ("inventory", "Inventory", "shelf", "viewer"),
    ("evaluation", "Evaluation", "chart", "viewer"),
    ("data", "Data and fit", "data", "viewer"),
    ("keys", "Keys and users", "key", "admin"),
    ("audit", "Audit", "audit", "admin"),
)

WITHOUT_SHOP = ("data", "keys", "audit")


def page(request: Request, template: str, code: int = 200, **found: Any) -> HTMLResponse:
    """The answer as HTML, in the visitor's language, with nothing in it that a browser would run."""
    language, theme = language_of(request), request.cookies.get("gw_theme", "auto")
    session = getattr(request.state, "session", None)
    console = request.app.state.console
    html = _environment().get_template(template).render(
        _=speaker(language),
        lang=language,
        theme=theme if theme in ("light", "dark") else "auto",
        session=session,
        shop_name=console.service.shop.name,
        pages=[
            each
            for each in PAGES
            if session is not None and session.may(each[3]) and (console.has_shop or each[0] in WITHOUT_SHOP)
        ],
        here=request.url.path.removeprefix(BASE).strip("/").partition("/")[0],
        path=request.url.path,
        full=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        **found,
    )  # fmt: skip
    answer = HTMLResponse(html, code, headers={"Content-Security-Policy": POLICY, "Vary": "Cookie, HX-Request"})
    chosen = request.query_params.get("lang")
    if chosen in ("en", "zh"):
        answer.set_cookie("gw_lang", chosen, max_age=365 * 86_400, samesite="lax", path="/console")
    return answer


def link(to: str = "", **query: Any) -> str:
    """An address of the console; what is None or empty is left out.

    >>> link("explore", product="a&b", kind=None)
    '/console/explore?product=a%26b'
    """
    pairs = [(name, value) for name, value in query.items() if value not in (None, "", [])]
    return f"{BASE}/{to}" + (f"?{urlencode(pairs, doseq=True)}" if pairs else "")


def as_json(value: Any) -> Markup:
    """JSON that can stand in a page: no text in it ends the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(link=link, static=static, as_json=as_json, arc=_arc)
    made.filters.update(percent=percent, number=number, units=units, day=day, minute=minute)
    return made


@cache
def static(name: str) -> str:
    """The address of a file that may be kept for ever: it changes when the file does."""
    digest = blake2b((HERE / "static" / name).read_bytes(), digest_size=6).hexdigest()
    return f"{BASE}/static/{name}?{digest}"


def percent(value: float | None) -> str:
    """
    >>> percent(0.1234), percent(0.00012), percent(None)
    ('12.3 %', '0.01 %', '–')
    """
    if value is None or value != value:
        return "–"
    return f"{100 * value:.2f} %" if abs(value) < 0.01 else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """
    >>> number(1234567), number(0.25)
    ('1,234,567', '0.25')
    """
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def units(value: float | None) -> str:
    """
    >>> units(12345.6), units(3.25), units(2.0)
    ('12,346', '3.2', '2')
    """
    if value is None or value != value:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:,.1f}"


def day(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d") if value is not None else "–"


def minute(value: datetime | None) -> str:
    return Markup("<time>{}</time>").format(value.strftime("%Y-%m-%d %H:%M")) if value is not None else "–"


def _arc(value: float | None) -> float:
    """A share as pixels of a bar that is 100 wide."""
    return 0.0 if value is None or value != value else round(100 * min(max(value, 0.0), 1.0), 2)
