"""A real browser on the real service. Where the machine has no Chromium, nothing here is collected.

`tests/integration/pages` and `tests/integration/jobs/test_dashboard.py` hold the same properties over HTTP.
"""

from collections.abc import AsyncGenerator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.integration.conftest import Person
from tests.support.browser import find_chromium
from tests.support.listening import render_result
from tone_shootout.rendering.output.manifest import Manifest

if TYPE_CHECKING:
    from playwright.async_api import Request, Response

collect_ignore_glob = [] if find_chromium() else ["test_*.py"]

Result = tuple[Manifest, Path]

TIMEOUT_MS = 60_000
"""How long a page may take to get where a test waits for it: a bound on failure, never on success."""

expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Browser, None]:
    """One browser for all tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A rendered result with its listening page: its manifest and its folder."""
    folder = tmp_path_factory.mktemp("listening")
    return render_result(folder), folder / "out"


class Visit:
    """A page in a browser that knows nobody, and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.requested: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", self._requested)

    def _heard(self, kind: str, text: str) -> None:
        # The browser itself reports each 4xx; what the page does about it is what the tests are about.
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.wrong.append(text)

    def _requested(self, request: "Request") -> None:
        self.requested.append(request.url)

    async def sign_in(self, base_url: str, person: Person) -> None:
        """Get the cookies of a session."""
        answer = await self.page.context.request.post(f"{base_url}/api/v1/auth/session", data={"token": person.token})
        assert answer.ok

    async def open(self, url: str) -> "Response":
        """Go to an address."""
        answer = await self.page.goto(url)
        assert answer is not None
        return answer


@pytest.fixture
async def context(chromium: Browser) -> AsyncGenerator[BrowserContext, None]:
    """A browser that knows nobody."""
    made = await chromium.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(TIMEOUT_MS)
    yield made
    await made.close()


@pytest.fixture
async def visit(context: BrowserContext) -> AsyncGenerator[Visit, None]:
    """A page on which nothing may go wrong, neither in a script nor against the content security policy."""
    made = Visit(await context.new_page())
    yield made
    assert made.wrong == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe, which a page evaluates to find barriers."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
