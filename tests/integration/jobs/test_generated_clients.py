"""Clients generated from the OpenAPI document compile and do the main job, from upload to archive.

The generators come from package registries, so the tests run only in `task test:thorough`; one requires Node.js.
"""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import Person
from tests.support.uploads import capture, di, ir
from tests.support.uv import find_uv

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("worker")]

UVX = (find_uv(), "tool", "run")

OPENAPI_PYTHON_CLIENT = """
import sys
from io import BytesIO
from pathlib import Path

import httpx
from made import AuthenticatedClient
from made.api.jobs import follow_job, get_archive, get_job
from made.api.library import upload_library_item
from made.api.shootouts import create_shootout, validate_shootout
from made.models import (
    AssetCabIr,
    AssetCapture,
    AssetChain,
    AssetDiTrack,
    Config,
    JobStatus,
    LibraryItemKind,
    LibraryItemRead,
    NewShootoutRead,
    Output,
    ShootoutCreate,
    UploadForm,
    ValidationRead,
)
from made.types import File

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], timeout=httpx.Timeout(120))
ids = {}
for kind in ("di_track", "capture", "cab_ir"):
    file = File(payload=BytesIO(Path(kind).read_bytes()), file_name=kind)
    body = UploadForm(kind=LibraryItemKind(kind), file=file)
    item = upload_library_item.sync(client=client, body=body)
    assert isinstance(item, LibraryItemRead), item
    ids[kind] = item.id
blocks = [AssetCapture(type_="capture", asset=ids["capture"]), AssetCabIr(type_="cab_ir", asset=ids["cab_ir"])]
config = Config(
    di_tracks=[AssetDiTrack(name="Riff", asset=ids["di_track"])],
    chains=[AssetChain(name="Plexi", blocks=blocks)],
    output=Output(page=False, plots=False, video=False),
)
body = ShootoutCreate(config=config, submit=True)
checked = validate_shootout.sync(client=client, body=body)
assert isinstance(checked, ValidationRead) and checked.valid, checked
made = create_shootout.sync(client=client, body=body)
assert isinstance(made, NewShootoutRead) and made.job, made
assert [type(block) for block in made.config.chains[0].blocks] == [AssetCapture, AssetCabIr]
assert "event: done" in follow_job.sync(made.job.id, client=client)
assert get_job.sync(made.job.id, client=client).status == JobStatus.COMPLETED
archive = get_archive.sync(made.job.id, client=client)
sys.stdout.buffer.write(archive.payload.read())
"""
DATAMODEL_CODE_GENERATOR = """
import sys
from pathlib import Path

import httpx
import models

client = httpx.Client(base_url=sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}, timeout=120)
ids = {}
for kind in ("di_track", "capture", "cab_ir"):
    answer = client.post("/api/v1/library", data={"kind": kind}, files={"file": (kind, Path(kind).read_bytes())})
    item = models.LibraryItemRead.model_validate_json(answer.content)
    ids[kind] = item.id
blocks = [
    models.AssetCapture(type="capture", asset=ids["capture"]),
    models.AssetCabIr(type="cab_ir", asset=ids["cab_ir"]),
]
config = models.Config(
    di_tracks=[models.AssetDiTrack(name="Riff", asset=ids["di_track"])],
    chains=[models.AssetChain(name="Plexi", blocks=blocks)],
    output=models.Output(page=False, plots=False, video=False),
)
body = models.ShootoutCreate(config=config, submit=True).model_dump(mode="json", exclude_unset=True)
checked = models.ValidationRead.model_validate_json(client.post("/api/v1/shootouts/validate", json=body).content)
assert checked.valid, checked
made = models.NewShootoutRead.model_validate_json(client.post("/api/v1/shootouts", json=body).content)
events = client.get(f"/api/v1/jobs/{made.job.id}/events", params={"after": 0}).text
kinds = [models.Event.model_validate_json(line[6:]).root.type for line in events.split("\\n") if line[:6] == "data: "]
assert kinds[0] == "snapshot" and kinds[-1] == "done", kinds
listed = client.get(f"/api/v1/jobs/{made.job.id}/events", headers={"Accept": "application/json"})
assert models.EventPage.model_validate_json(listed.content).items[-1].root.type
models.JobRead.model_validate_json(client.get(f"/api/v1/jobs/{made.job.id}").content)
sys.stdout.buffer.write(client.get(f"/api/v1/jobs/{made.job.id}/archive").content)
"""
OPENAPI_TYPESCRIPT = """
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./made";

type Schemas = components["schemas"];
type Kind = Schemas["LibraryItemKind"];
const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

async function upload(kind: Kind): Promise<string> {
  const { data, error } = await client.POST("/api/v1/library", {
    body: { kind, file: kind },
    bodySerializer() {
      const form = new FormData();
      form.append("kind", kind);
      form.append("file", new Blob([readFileSync(kind)]), kind);
      return form;
    },
  });
  if (!data) throw new Error(error.detail);
  return data.id;
}

const config: Schemas["Config"] = {
  di_tracks: [{ name: "Riff", asset: await upload("di_track") }],
  chains: [
    {
      name: "Plexi",
      blocks: [
        { type: "capture", asset: await upload("capture") },
        { type: "cab_ir", asset: await upload("cab_ir") },
      ],
    },
  ],
  output: { plots: false, video: false },
};
const body: Schemas["ShootoutCreate"] = { config, submit: true };
const checked = await client.POST("/api/v1/shootouts/validate", { body });
if (!checked.data?.valid) throw new Error(JSON.stringify(checked));
const made = await client.POST("/api/v1/shootouts", { body });
const job_id = made.data!.job!.id;
const stream = await client.GET("/api/v1/jobs/{job_id}/events", { params: { path: { job_id } }, parseAs: "text" });
const lines = (stream.data as string).split("\\n").filter((line) => line.startsWith("data: "));
const events: Schemas["Event"][] = lines.map((line) => JSON.parse(line.slice(6)));
for (const event of events) {
  if (event.type === "progress" && event.data.percent > 100) throw new Error("too much");
}
if (events.at(-1)!.type !== "done") throw new Error(lines.at(-1));
const archive = await client.GET("/api/v1/jobs/{job_id}/archive", {
  params: { path: { job_id } },
  parseAs: "arrayBuffer",
});
process.stdout.write(new Uint8Array(archive.data as unknown as ArrayBuffer));
"""
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "module": "esnext",
        "moduleResolution": "bundler",
        "target": "es2022",
        "outDir": "out",
        "types": ["node"],
        "skipLibCheck": True,
    },
    "files": ["main.ts"],
}


@pytest.fixture
async def folder(tmp_path: Path, api: httpx.AsyncClient) -> Path:
    """A folder with the document and with a file of each kind, named after its kind."""
    (tmp_path / "openapi.json").write_bytes((await api.get("/openapi.json")).content)
    for kind, content in {"di_track": di(), "capture": capture(), "cab_ir": ir()}.items():
        (tmp_path / kind).write_bytes(content)
    return tmp_path


def _run(folder: Path, *command: str) -> bytes:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]
    return done.stdout


def _check(archive: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        assert "segments/01-riff--plexi.flac" in files.namelist()


def test_the_document_is_valid(folder: Path) -> None:
    _run(folder, *UVX, "openapi-spec-validator", "openapi.json")


def test_a_client_of_openapi_python_client_does_the_main_job(folder: Path, base_url: str, user: Person) -> None:
    generate = ("openapi-python-client@0.29.1", "generate", "--path", "openapi.json", "--meta", "none")
    _run(folder, *UVX, *generate, "--output-path", "made", "--fail-on-warning")
    _run(folder, sys.executable, "-m", "compileall", "-q", "made")
    python = (*UVX, "--with", "httpx", "--with", "attrs", "--with", "python-dateutil", "python")
    _check(_run(folder, *python, "-c", OPENAPI_PYTHON_CLIENT, base_url, user.token))


def test_models_of_datamodel_code_generator_do_the_main_job(folder: Path, base_url: str, user: Person) -> None:
    generate = ("--from", "datamodel-code-generator==0.89.0", "datamodel-codegen", "--input-file-type", "openapi")
    options = ("--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11", "--use-annotated")
    _run(folder, *UVX, *generate, "--input", "openapi.json", "--output", "models.py", *options)
    _run(folder, sys.executable, "-m", "compileall", "-q", "models.py")
    python = (*UVX, "--with", "httpx", "--with", "pydantic", "python")
    _check(_run(folder, *python, "-c", DATAMODEL_CODE_GENERATOR, base_url, user.token))


if shutil.which("npm"):

    def test_a_client_of_openapi_typescript_does_the_main_job(folder: Path, base_url: str, user: Person) -> None:
        (folder / "package.json").write_text('{"type": "module", "private": true}')
        (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
        (folder / "main.ts").write_text(OPENAPI_TYPESCRIPT)
        packages = ("openapi-typescript@7", "openapi-fetch@0.17", "typescript@5", "@types/node@20")
        _run(folder, "npm", "install", "--no-audit", "--no-fund", *packages)
        _run(folder, "npx", "openapi-typescript", "openapi.json", "-o", "made.d.ts")
        _run(folder, "npx", "tsc")
        _check(_run(folder, "node", "out/main.js", base_url, user.token))
