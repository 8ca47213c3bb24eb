"""Accessibility checks of pages by axe-core (MPL-2.0), which `axe-playwright-python` brings."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.async_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _source() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


async def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe finds on a page, a line for each rule and element; by all rules of WCAG, or by those named.

    The page's CSP does not bind the script.
    """
    await page.evaluate(_source())
    found: dict[str, Any] = await page.evaluate(
        "only => axe.run(document, { runOnly: only, resultTypes: ['violations'], preload: false })",
        {"type": "rule", "values": rules} if rules else _RULES,
    )
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
