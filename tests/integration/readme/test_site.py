"""The documentation site is built without a warning, is whole, and needs no other host."""

import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.documents import DOCUMENTS
from tests.support.openapi import document
from tests.support.shared import PROJECT
from tests.support.site import PAGES
from tests.support.uv import find_uv
from tone_shootout import client

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


class _Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.resources: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in {"canonical", "search", "index", "next", "prev"}:
            self.resources.append(given["href"])
        elif "src" in given:
            self.resources.append(given["src"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, _Page]:
    site = tmp_path_factory.mktemp("site") / "site"
    command = (find_uv(), "run", "--isolated", "--group", "docs", "python", "-m", "tests.support.site", str(site))
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path: _Page(path) for path in site.rglob("*.html")}


def test_every_document_is_a_page(pages: dict[Path, _Page]) -> None:
    (site,) = {path.parent for path in pages if path.name == "spec.html"}
    for path in DOCUMENTS:
        name = str(path.relative_to(PROJECT))
        page = PAGES.get(name, name.removeprefix("docs/"))
        assert (site / page).with_suffix(".html") in pages
    linked = {urlsplit(link).fragment.rpartition("/")[2] for link in pages[site / "reference" / "http.html"].links}
    assert _operations() <= linked
    documented = pages[site / "reference" / "client.html"].ids
    assert {
        f"tone_shootout.client.{name}" for name in (*client.__all__, "Client.watch", "AsyncClient.watch")
    } <= documented


def _operations() -> set[str]:
    """Return the ids of all operations of the API."""
    return {
        operation["operationId"]
        for methods in document()["paths"].values()
        for operation in methods.values()
        if isinstance(operation, dict) and "operationId" in operation
    }


def test_links_and_anchors_of_the_site_resolve(pages: dict[Path, _Page]) -> None:
    for path, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.fragment.startswith("/"):  # a place in Swagger UI
                continue
            found = (path.parent / unquote(target.path)).resolve() if target.path else path
            assert found.is_file(), f"{path.name}: {link}"
            if target.fragment and found in pages:
                assert unquote(target.fragment) in pages[found].ids, f"{path.name}: {link}"


def test_nothing_is_loaded_from_another_host(pages: dict[Path, _Page]) -> None:
    for path, page in pages.items():
        for resource in page.resources:
            target = urlsplit(resource)
            assert (target.scheme, target.netloc) in {("", ""), ("data", "")}, f"{path.name}: {resource}"
            assert target.scheme or (path.parent / unquote(target.path)).is_file(), f"{path.name}: {resource}"
    (site,) = {path.parent for path in pages if path.name == "spec.html"}
    for style in site.rglob("*.css"):
        assert "url(http" not in style.read_text(encoding="utf-8").replace('"', "")
