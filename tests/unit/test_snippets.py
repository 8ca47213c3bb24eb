"""Every block of code in the documents is run or read by a test, and every command in their text exists."""

import configparser
import json
import re
import shlex
import tomllib
from collections.abc import Generator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from tests.support.documents import DOCUMENTS, Block, blocks, inline_code, tokens
from tests.support.readme import COMMANDS
from tests.support.shared import PROJECT
from tests.support.spec_schema import FILE
from tests.support.specs import parse_spec
from tone_shootout.cli import main
from tone_shootout.kit.settings import load_settings

RUN_BY = {
    ("README.md", "sh"): "tests/integration/readme/test_text.py",
    ("docs/api.md", "python"): "tests/integration/client/test_whole_job.py",
    ("docs/api.md", "sh"): "tests/integration/readme/test_snippets.py",
    ("docs/jobs.md", "python"): "tests/integration/jobs/test_guide.py",
    ("docs/live-progress.md", "python"): "tests/integration/jobs/test_live_guide.py",
    ("docs/live-progress.md", "sh"): "tests/integration/jobs/test_live_guide.py",
    ("docs/operating.md", "sh"): "tests/integration/readme/test_snippets.py",
    ("docs/servers.md", "sh"): "tests/integration/readme/test_servers.py",
    ("docs/tutorial.md", "js"): "tests/integration/jobs/test_tutorial.py",
    ("docs/tutorial.md", "python"): "tests/integration/jobs/test_tutorial.py",
    ("docs/webhooks.md", "python"): "tests/unit/jobs/webhooks/test_guide.py",
    ("docs/webhooks.md", "sh"): "tests/integration/readme/test_snippets.py",
}
NOT_RUN = {
    ("deploy/README.md", "sh"): "`tests/deploy/test_installation.py` runs those of Compose, in `task test:deploy`."
}
"""The tests that take all blocks of a language out of a document and run them. Those of documents that are not listed
may only set variables, and repeat commands of README."""
SETTING = re.compile(r"^(?:export )?(SHOOTOUT_\w+)=(.*)$")
CALL = re.compile(r"(?:^|uv run |exec web )(shootout .*)$")
ALL = blocks()
NAMES = [f"{block.document}:{block.line}" for block in ALL]


def in_language(language: str) -> pytest.MarkDecorator:
    chosen = [(block, name) for block, name in zip(ALL, NAMES, strict=True) if block.language == language]
    return pytest.mark.parametrize("block", [block for block, _ in chosen], ids=[name for _, name in chosen])


def test_every_block_states_what_it_is() -> None:
    """`text` is for output and figures."""
    assert not any(token.type == "code_block" for path in DOCUMENTS for token in tokens(path)), "indented blocks"
    assert {block.language for block in ALL} == {"sh", "python", "js", "toml", "json", "ini", "text"}


def test_every_program_is_run_by_a_test() -> None:
    for block in ALL:
        if block.language not in {"sh", "python", "js"} or (block.document, block.language) in NOT_RUN:
            continue
        test = RUN_BY.get((block.document, block.language))
        if test is not None:
            source = (PROJECT / test).read_text()
            assert Path(block.document).name in source or block.document == "README.md", block
            continue
        assert block.language == "sh", block
        for line in block.text.splitlines():
            assert SETTING.match(line) or line in COMMANDS or line == "shootout tone3000 check", block


@in_language("json")
def test_json_is_valid(block: Block) -> None:
    json.loads(block.text)


@in_language("ini")
def test_a_unit_of_systemd_starts_a_command_of_ours(block: Block) -> None:
    unit = configparser.ConfigParser()
    unit.read_string(block.text)
    program, name = unit["Service"]["ExecStart"].split()
    assert program == "/usr/local/bin/shootout"
    assert main.get_command(click.Context(main), name) is not None


@in_language("toml")
def test_a_spec_in_the_text_is_valid(block: Block) -> None:
    """A part of a spec is completed first."""
    table: dict[str, Any] = tomllib.loads(block.text)
    if block.document == "docs/tone3000.md":  # a config, which `tests/unit/tone3000/test_guide.py` reads
        return
    cabs = [{"type": "capture", "file": "plexi.nam"}, {"type": "cab_ir", "file": "v30.wav"}]
    table = {"schema": 1, "di_tracks": [{"name": "Riff", "file": "riff.wav"}], **table}
    if "chains" not in table and "grid" not in table:
        table["chains"] = [{"name": "Plexi", "blocks": cabs}]
    for chain in table.get("chains", ()):
        chain.setdefault("name", "Plexi")
    assert parse_spec(msgspec.json.encode(table), format="json").chains
    if block.text.startswith("#:schema"):
        assert (PROJECT / "docs" / FILE.name) == FILE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (match[1], shlex.split(match[2])[0])
        for block in ALL
        if block.language == "sh" and block.document != "docs/servers.md"  # which a test of its own runs as a whole
        for line in block.text.splitlines()
        if (match := SETTING.match(line)) and match[1] not in {"SHOOTOUT_URL", "SHOOTOUT_TOKEN"}
    ],
)
def test_a_setting_in_the_text_is_valid(name: str, value: str) -> None:
    load_settings({name: value.replace("…", "0123")})


def _named() -> Generator[tuple[str, str], None, None]:
    """Yield each command of ours in a document, with the document's name."""
    for path in DOCUMENTS:
        for code in inline_code(path):
            if code.startswith("shootout "):
                yield path.name, code
    for block in ALL:
        if block.language == "sh":
            for line in block.text.splitlines():
                if match := CALL.search(line):
                    yield block.document, match[1]


@pytest.mark.parametrize(("document", "code"), sorted(set(_named())))
def test_a_command_in_the_text_exists_with_its_options(document: str, code: str) -> None:
    words = shlex.split(code)[1:]
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] == "COMMAND":
            return
        found = command.get_command(context, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known | {"--help"}
