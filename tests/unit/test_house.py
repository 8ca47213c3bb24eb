"""The layout of the code: repositories, file sizes and the place of helpers."""

import importlib
import re
from functools import cache

from advanced_alchemy.repository import SQLAlchemyAsyncRepository

from tests.support.shared import PROJECT

SRC = PROJECT / "src"
TESTS = PROJECT / "tests"
LONGEST = 425
"""Lines of a source file; a longer one becomes a package."""


@cache
def repositories() -> list[tuple[str, str]]:
    """Return the module and the name of every class of ours that is called a repository."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        module = ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
        classes = re.findall(r"^ *class (\w+)", path.read_text(), re.MULTILINE)
        found += [(module, name) for name in classes if name.endswith("Repository")]
    return found


def test_every_repository_extends_the_one_of_advanced_alchemy() -> None:
    others = [
        name
        for module, name in repositories()
        if not issubclass(getattr(importlib.import_module(module), name), SQLAlchemyAsyncRepository)
    ]
    assert others == []


def test_the_list_of_repositories_is_complete() -> None:
    assert {name for _, name in repositories()} >= {
        "ApiTokenRepository",
        "ConnectionRepository",
        "CredentialRepository",
        "DeliveryRepository",
        "IdempotencyRepository",
        "JobArtifactRepository",
        "JobEventRepository",
        "JobRepository",
        "LibraryRepository",
        "RenderCacheRepository",
        "SessionRepository",
        "ShootoutRepository",
        "UserRepository",
        "WebhookRepository",
    }


def test_no_source_file_is_too_long() -> None:
    lengths = {path.relative_to(SRC): len(path.read_text().splitlines()) for path in SRC.rglob("*.py")}
    assert {str(path): lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_helpers_of_tests_live_in_tests_support_only() -> None:
    allowed = {TESTS / "support", TESTS / "bench"}
    others = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if not allowed.intersection(path.parents)
        and not path.name.startswith("test_")
        and path.name not in {"conftest.py", "__init__.py"}
    ]
    assert others == []
