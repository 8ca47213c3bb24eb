"""Links between the documents lead somewhere, and those to other sites are well-formed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.documents import DOCUMENTS, anchors, inline_code, links
from tests.support.shared import PROJECT


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_resolve(path: Path) -> None:
    for link in links(path):
        target = urlsplit(link)
        if target.scheme:
            assert target.scheme in {"https", "mailto"}, link
            assert target.scheme == "mailto" or "." in target.netloc, link
            assert not any(mark in link for mark in (" ", "localhost", "127.0.0.1")), link
            continue
        found = (path.parent / target.path).resolve() if target.path else path
        assert found.exists(), link
        assert found.is_relative_to(PROJECT), link
        if target.fragment:
            assert target.fragment in anchors(found), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_that_the_text_names_exist(path: Path) -> None:
    for code in inline_code(path):
        if re.fullmatch(r"(?:src|tests|deploy)/[\w./-]+", code):
            assert (PROJECT / code).exists() or any(PROJECT.glob(f"{code}.*")), code


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (path.parent / urlsplit(link).path).resolve()
        for path in DOCUMENTS
        for link in links(path)
        if not urlsplit(link).scheme and urlsplit(link).path
    }
    documents = {path for path in DOCUMENTS if "decisions" not in path.parts}
    assert documents - linked == set()
