"""The documents of the project, as Markdown: links, anchors and code blocks."""

import re
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.shared import PROJECT

DOCUMENTS = [
    *(PROJECT / name for name in ("README.md", "CHANGELOG.md", "deploy/README.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        document: path of the document from the folder of the repository.
        line: number of its first line in the document.
        language: as stated, or empty.
        text: its content.
    """

    document: str
    line: int
    language: str
    text: str


@cache
def tokens(path: Path) -> list[Token]:
    """Return the tokens of a document."""
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def links(path: Path) -> Generator[str, None, None]:
    """Yield the target of each link and picture."""
    for token in _inline(path):
        if target := token.attrs.get("href") or token.attrs.get("src"):
            yield str(target)


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a document: those of its headings, as GitHub and MyST make them, and its own."""
    found: Counter[str] = Counter()
    names = set()
    for heading, inline in pairwise(tokens(path)):
        if heading.type != "heading_open":
            continue
        title = "".join(child.content for child in inline.children or ())
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return frozenset(names | set(re.findall(r'<a id="([\w-]+)">', path.read_text(encoding="utf-8"))))


def blocks(*paths: Path) -> list[Block]:
    """Return the fenced blocks of documents; of all without an argument."""
    return [
        Block(str(path.relative_to(PROJECT)), (token.map or [0])[0] + 1, token.info, token.content)
        for path in paths or DOCUMENTS
        for token in tokens(path)
        if token.type == "fence"
    ]


def _inline(path: Path) -> Generator[Token, None, None]:
    for token in tokens(path):
        yield from token.children or ()


def inline_code(path: Path) -> Generator[str, None, None]:
    """Yield each piece of code in the text of a document."""
    for token in _inline(path):
        if token.type == "code_inline":
            yield token.content
