"""Build the documentation site from README, CHANGELOG and `docs/`: `task docs:site`.

Its pages are the documents as they are, the operations of the OpenAPI document, Swagger UI with that document, and the
docstrings of the Python client. It loads nothing from other hosts and opens from disk.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from tests.support.shared import PROJECT

SITE = PROJECT / "dist" / "site"
"""Where the site is built."""
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "deploy/README.md": "deployment.md"}
"""Documents outside `docs/`, and their names in the site."""
CONTENTS = {
    "Use it": ["tutorial", "spec", "sound-files", "notices", "listening-page", "bundle", "listening-tests", "tone3000"],
    "Reference": [
        "command-line",
        "reference/http",
        "reference/client",
        "api",
        "live-progress",
        "webhooks",
        "errors",
        "measures",
        "accounts",
    ],
    "Operate": [
        "deployment",
        "servers",
        "operating",
        "backup",
        "upgrading",
        "runbook",
        "scale",
        "benchmarks",
        "security",
    ],
    "Contribute": ["contributing", "architecture", "jobs", "nam", "decisions/index", "release", "changelog"],
}
"""The pages in the order of the menu, by heading. Those that do not exist are left out; others follow at the end."""
SWAGGER = PROJECT / "src" / "tone_shootout" / "kit" / "swagger_ui"
ICON = PROJECT / "src" / "tone_shootout" / "pages" / "static" / "icon.svg"
PLAYGROUND = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>REST API of Tone Shootout</title>
<link rel="stylesheet" href="swagger-ui.css">
<div id="ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="openapi.js"></script>
<script>SwaggerUIBundle({spec: DOCUMENT, dom_id: "#ui", deepLinking: true, supportedSubmitMethods: []})</script>
</html>
"""


def build(folder: Path = SITE) -> None:
    """Build the site. Every warning is an error.

    Args:
        folder: where; what is there is replaced.

    Raises:
        subprocess.CalledProcessError: the documents have errors, which have been written to stderr.
    """
    with TemporaryDirectory() as made:
        source, caches = Path(made, "source"), Path(made, "caches")
        write_source(source)
        shutil.rmtree(folder, ignore_errors=True)
        command = ("sphinx", "--builder=html", "--fail-on-warning", "--keep-going", "--quiet", "--jobs=1")
        subprocess.run(
            [sys.executable, "-m", *command, f"--doctree-dir={caches}", str(source), str(folder)], check=True
        )
        shutil.rmtree(folder / ".doctrees", ignore_errors=True)
        (folder / ".buildinfo").unlink(missing_ok=True)


def write_source(folder: Path) -> None:
    """Write what Sphinx reads into a folder that does not exist."""
    shutil.copytree(PROJECT / "docs", folder)
    for path in folder.rglob("*.md"):
        up = len(path.relative_to(folder).parts) - 1
        path.write_text(_moved(path.read_text(), "../" * (up + 1), "../" * up))
    for name, page in PAGES.items():
        text = (PROJECT / name).read_text()
        (folder / page).write_text(_moved(text, "../" if "/" in name else "", "").replace("](docs/", "]("))
    from tests.support.openapi import document

    decisions = sorted(path.stem for path in (folder / "decisions").glob("0*.md"))
    (folder / "decisions" / "index.md").write_text(f"# Decisions\n\n{_tree(decisions)}")
    (folder / "reference").mkdir()
    (folder / "reference" / "http.md").write_text(_operations(document()))
    (folder / "reference" / "client.md").write_text(_client())
    (folder / "_static").mkdir()
    shutil.copy(ICON, folder / "_static")
    _write_playground(folder / "_extra" / "swagger", document())
    with (folder / "index.md").open("a") as index:
        index.write("".join(f"\n{_tree(names, heading)}" for heading, names in _contents(folder).items()))


def _moved(text: str, root: str, pages: str) -> str:
    """Return a document with its links to documents outside `docs/` as those of the site.

    Args:
        text: the document.
        root: the way from its folder to that of the repository.
        pages: the way from its folder to that of the pages.
    """
    text = re.sub(r'<a id="([\w-]+)"></a>', r"[]{#\1}", text)  # the form in which MyST knows an anchor
    for name, page in PAGES.items():
        text = re.sub(rf"\]\({re.escape(root + name)}(?=[)#])", f"]({pages}{page}", text)
    text = text.replace(f"]({root}docs/", f"]({pages}")
    return re.sub(r"\]\((docs/)?decisions/\)", "](decisions/index.md)", text)


def _contents(folder: Path) -> dict[str, list[str]]:
    """Return the pages of each part of the menu."""
    found = {
        heading: [name for name in names if (folder / f"{name}.md").exists()] for heading, names in CONTENTS.items()
    }
    known = {name for names in found.values() for name in names} | {"index"}
    found["Reference"] += sorted({path.stem for path in folder.glob("*.md")} - known)
    return found


def _tree(names: list[str], heading: str = "") -> str:
    options = f":caption: {heading}\n:hidden:\n" if heading else ""
    return "\n".join(("```{toctree}", f":maxdepth: 1\n{options}", *names, "```\n"))


def _operations(document: dict[str, Any]) -> str:
    """Return a page with all operations by tag."""
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not isinstance(operation, dict) or "operationId" not in operation:
                continue
            tag = (operation.get("tags") or ["Other"])[0]
            link = _to_playground(operation["operationId"], f"#/{quote(tag)}/{operation['operationId']}")
            summary = str(operation.get("description") or operation["summary"]).split("\n\n")[0].replace("\n", " ")
            by_tag[tag].append(f"| `{method.upper()} {path}` | {summary.replace('|', chr(92) + '|')} | {link} |")
    parts = [
        "# Operations of the REST API",
        f"""All operations of the [REST API](../api.md), from its OpenAPI document. Parameters, bodies and responses
are in {_to_playground("Swagger UI")}, which runs at `/docs` of a service as well; programs read the document from
`/openapi.json`.""",
    ]
    for tag, rows in sorted(by_tag.items()):
        parts += [f"## {tag}", "\n".join(("| operation | does | id |", "|---|---|---|", *rows))]
    return "\n\n".join(parts) + "\n"


def _to_playground(text: str, fragment: str = "") -> str:
    """Return a link to Swagger UI, which is no document of Sphinx."""
    return f'<a href="../swagger/index.html{fragment}">{text}</a>'


def _client() -> str:
    """Return a page with the docstrings of the client."""
    from tone_shootout import client

    parts = ["# Python client", _directive("automodule", "tone_shootout.client")]
    parts += ["## Clients", *(_directive("autoclass", name, ":members:") for name in ("Client", "AsyncClient"))]
    classes = {name: found for name in client.__all__ if isinstance(found := getattr(client, name), type)}
    errors = [name for name, found in classes.items() if issubclass(found, Exception)]
    models = [name for name in classes if name not in {"Client", "AsyncClient", *errors}]
    parts += ["## Models", *(_directive("autoclass", name, ":members:") for name in models)]
    parts += [_directive("autodata", name) for name in client.__all__ if name not in classes]
    parts += ["## Errors", *(_directive("autoexception", name, ":show-inheritance:") for name in errors)]
    return "\n\n".join(parts) + "\n"


def _directive(name: str, target: str, *options: str) -> str:
    module = "" if target.startswith("tone_shootout") else "tone_shootout.client."
    return "\n".join(("```{eval-rst}", f".. {name}:: {module}{target}", *(f"   {option}" for option in options), "```"))


def _write_playground(folder: Path, document: dict[str, Any]) -> None:
    """Write Swagger UI with the document, so that it opens from disk: a page may not fetch files there."""
    folder.mkdir(parents=True)
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"):
        shutil.copy(SWAGGER / name, folder)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    (folder / "openapi.json").write_text(text)
    (folder / "openapi.js").write_text(f"const DOCUMENT = {text};\n")
    (folder / "index.html").write_text(PLAYGROUND)


if __name__ == "__main__":
    where = Path(*sys.argv[1:2]) if sys.argv[1:] else SITE
    build(where)
    print(where / "index.html")
