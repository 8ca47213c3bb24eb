"""Clients generated from the OpenAPI document compile and download a picture.

The generators come from package registries, so the tests run only in `task test:thorough`; one requires Node.js.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.factories import JobArtifactFactory
from tests.support.sessions import Sessions
from tests.support.uploads import SHOOTOUTS, config
from tone_shootout.kit.settings import Settings
from tone_shootout.kit.storage import Storage

pytestmark = pytest.mark.thorough

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
PYTHON = """
import sys
from made import AuthenticatedClient
from made.api.jobs import get_artifact, list_jobs

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
page = list_jobs.sync(client=client)
assert type(page).__name__ == "JobPage", page
found = get_artifact.sync(page.items[0].id, "levels.png", client=client)
sys.stdout.buffer.write(found.payload.read())
"""
TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { components, paths } from "./made";

const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
const jobs = await client.GET("/api/v1/jobs");
const page: components["schemas"]["JobPage"] = jobs.data!;
const params = { path: { job_id: page.items[0].id, path: "levels.png" } };
const found = await client.GET("/api/v1/jobs/{job_id}/artifacts/{path}", { params, parseAs: "arrayBuffer" });
process.stdout.write(new Uint8Array(found.data as unknown as ArrayBuffer));
"""
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "module": "esnext",
        "moduleResolution": "bundler",
        "target": "es2022",
        "outDir": "out",
        "types": ["node"],
    },
    "files": ["main.ts"],
}


@pytest.fixture
async def document(
    tmp_path: Path, api: httpx.AsyncClient, user: Person, session_maker: Sessions, settings: Settings
) -> Path:
    """Write the document to a file, and create a job of `user` with a picture."""
    shootout = (await user.client.post(SHOOTOUTS, json={"config": await config(user.client)})).json()["id"]
    job = (await user.client.post(f"{SHOOTOUTS}/{shootout}/jobs")).json()["id"]
    file, key = tmp_path / "levels.png", f"users/{user.id}/jobs/{job}/levels.png"
    file.write_bytes(PICTURE)
    await Storage.from_settings(settings).put(key, file)
    async with session_maker.begin() as session:
        session.add(
            JobArtifactFactory.build(
                job_id=job,
                path="levels.png",
                size=len(PICTURE),
                storage_key=key,
                media_type="image/png",
                sha256="0" * 64,
            )
        )
    path = tmp_path / "openapi.json"
    path.write_bytes((await api.get("/openapi.json")).content)
    return path


def _run(folder: Path, *command: str) -> bytes:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]
    return done.stdout


def test_a_client_of_openapi_python_client_compiles_and_downloads_a_picture(
    document: Path, base_url: str, user: Person
) -> None:
    uvx = shutil.which("uvx")
    assert uvx, "uv is needed: it runs openapi-python-client"
    made = document.with_name("made")
    _run(
        document.parent,
        *(uvx, "openapi-python-client", "generate", "--path", str(document), "--meta", "none"),
        *("--output-path", str(made), "--fail-on-warning"),
    )
    _run(document.parent, sys.executable, "-m", "compileall", "-q", str(made))
    with_attrs = (uvx, "--with", "httpx", "--with", "attrs", "--with", "python-dateutil", "python")
    assert _run(document.parent, *with_attrs, "-c", PYTHON, base_url, user.token) == PICTURE


if shutil.which("npm"):

    def test_a_client_of_openapi_typescript_compiles_and_downloads_a_picture(
        document: Path, base_url: str, user: Person
    ) -> None:
        folder = document.parent
        (folder / "package.json").write_text('{"type": "module", "private": true}')
        (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
        (folder / "main.ts").write_text(TYPESCRIPT)
        packages = ("openapi-typescript@7", "openapi-fetch", "typescript@5", "@types/node@20")
        _run(folder, "npm", "install", "--no-audit", "--no-fund", *packages)
        _run(folder, "npx", "openapi-typescript", "openapi.json", "-o", "made.d.ts")
        _run(folder, "npx", "tsc")
        assert _run(folder, "node", "out/main.js", base_url, user.token) == PICTURE
