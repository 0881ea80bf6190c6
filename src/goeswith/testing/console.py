"""The console in a real browser: a served shop, Debian's Chromium, and somebody who notes what must not happen."""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
DONE = """() => document.body.dataset.arranged && Number(document.body.dataset.asking || 0) === 0
    && !document.querySelector("[hx-trigger=load]:not(.htmx-settling) > [role=status]")
    && [...document.querySelectorAll("[data-chart]")].every((chart) => chart.dataset.drawn)"""
USER, PASSWORD = "ada", "correct horse"
PHONE, DESK = 390, 1280


@contextmanager
def served(folder: Path, *options: str, ready: bool = True) -> Iterator[str]:
    """The address of a service of this folder, in a process of its own that ends with the block.

    Parameters
    ----------
    ready : wait until a model answers; else until the service does
    """
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "GOESWITH_SERVE_PREPARE": "false"}
    command = [sys.executable, "-m", "goeswith", "serve", str(folder), "--port", "0", *options]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env={**os.environ, **quiet})
        try:
            yield _address(process, told, ready)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser with an empty profile.

    Raises
    ------
    FileNotFoundError : Chromium is not installed; on Debian: apt-get install chromium fonts-noto-cjk
    """
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        raise FileNotFoundError(f"{CHROMIUM}: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """Somebody with the console open in a language, in light or dark, on a phone or at a desk.

    wrong : errors in the browser's console, failed requests; foreign : requests that would leave the machine
    """

    def __init__(self, browser: Any, url: str, language: str = "en", theme: str = "light", width: int = DESK) -> None:
        self.url, self.wrong, self.foreign = url, list[str](), list[str]()
        size = {"width": width, "height": 844 if width == PHONE else 900}
        self.context = browser.new_context(viewport=size, locale="zh-CN" if language == "zh" else "en-GB")
        self._keep("gw_lang", language)
        self._keep("gw_theme", theme)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("request", self._asked)

    def sign_in(self, name: str = USER, password: str = PASSWORD) -> "Visit":
        """With the cookie of a session that is begun without the page, for argon2 takes its time."""
        body = f"name={name}&password={password.replace(' ', '+')}".encode()
        request = urllib.request.Request(f"{self.url}/console/login", body, {"X-Console": "1"})
        with urllib.request.urlopen(request) as answer:
            found = re.search("gw_session=([^;]+)", answer.headers["set-cookie"])
        assert found is not None
        return self.with_session(found[1])

    def with_session(self, token: str) -> "Visit":
        self._keep("gw_session", token)
        return self

    @property
    def session(self) -> str:
        return next(c["value"] for c in self.context.cookies() if c["name"] == "gw_session")

    def open(self, path: str) -> Any:
        """Go to a page of the console, and wait until its charts are drawn and what it loads late is there."""
        self.page.goto(f"{self.url}/console/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_load_state()
        self.page.wait_for_function(DONE)

    @property
    def overflows(self) -> bool:
        """Whether the page is wider than the screen."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))

    def _keep(self, name: str, value: str) -> None:
        host = urlsplit(self.url).hostname
        self.context.add_cookies([{"name": name, "value": value, "domain": host, "path": "/console"}])

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Any) -> None:
        place = urlsplit(request.url)
        if place.scheme not in ("data", "blob") and place.netloc != urlsplit(self.url).netloc:
            self.foreign.append(request.url)


def serious(page: Any) -> Sequence[str]:
    """What axe-core finds of serious and critical impact, in words."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {', '.join(str(node['target'][0]) for node in one['nodes'][:3])}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def _address(process: "subprocess.Popen[Any]", told: Any, ready: bool) -> str:
    end = time.monotonic() + 120
    url = ""
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        if not url:
            told.seek(0)
            found = re.search(r"http://[\d.]+:\d+", told.read())
            url = found[0] if found else ""
        if url and _answers(f"{url}/v1/{'ready' if ready else 'health'}"):
            return url
        time.sleep(0.05)
    told.seek(0)
    raise RuntimeError(f"the service did not start:\n{told.read()[-2_000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
