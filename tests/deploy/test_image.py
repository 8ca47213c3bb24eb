"""The image is what deploy/README.md says: small, for any user, on a read-only root file system, with all it needs."""

import json
import re
from typing import Any

import pytest

from tests.deploy.conftest import SPEC
from tests.support.containers import Podman
from tests.support.render_inputs import lay_out
from tests.support.shared import PROJECT

pytestmark = [pytest.mark.thorough, pytest.mark.deploy, pytest.mark.timeout(900)]

HARDENED = ("run", "--rm", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges")
MOST_MB = 1_000
NAMES = ["Crunch", "プレキシ", "플렉시", "圧縮", "مكبر", "מגבר", "ไทย", "हिन्दी", "🎸", "Ω→"]


def _run(podman: Podman, image: str, program: str, *arguments: str, user: str = "12345:0") -> str:
    """Run a program in a new container, as a user that the image does not know."""
    return podman.output(*HARDENED, f"--user={user}", f"--entrypoint={program}", image, *arguments)


def _inspect(podman: Podman, image: str) -> dict[str, Any]:
    (found,) = json.loads(podman.output("image", "inspect", image))
    return dict(found)


def test_the_image_has_labels_and_an_unprivileged_user(podman: Podman, image: str) -> None:
    config = _inspect(podman, image)["Config"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if "opencontainers" in name}
    assert labels["title"] == "Tone Shootout"
    assert labels["licenses"] == "MIT"
    assert labels["revision"] == "tested"
    assert f"shootout {labels['version']}" == _run(podman, image, "shootout", "--version")
    assert config["User"] == "10001:0"


def test_the_image_is_as_small_as_documented(podman: Podman, image: str) -> None:
    megabytes = _inspect(podman, image)["Size"] / 1e6
    documented = re.search(r"MB compressed, as it is pulled, and (\d+) MB\s+unpacked", _readme())
    assert documented
    assert megabytes < MOST_MB
    assert megabytes == pytest.approx(int(documented[1]), rel=0.05)


@pytest.mark.parametrize("user", ["10001:0", "12345:0"])
def test_any_user_of_group_0_can_write_data_and_nothing_else(podman: Podman, image: str, user: str) -> None:
    script = """
import os, tempfile
def writable(folder):
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True
    except OSError:
        return False
print([folder for folder in ("/", "/app", "/etc", "/tmp", "/data", os.path.expanduser("~/.cache")) if writable(folder)])
"""
    assert _run(podman, image, "python", "-c", script, user=user) == "['/tmp', '/data']"


def test_captures_are_compiled_and_names_in_any_script_have_fonts(podman: Podman, image: str) -> None:
    script = f"""
from PIL import features
from tone_shootout.rendering import fonts
from tone_shootout.audio.nam.kernels import disk
missing = [str(each) for name in {NAMES!r} for each in fonts.missing(name)]
print(missing, features.check("raqm"), features.check("fribidi"))
print(disk.default_folder())
"""
    assert _run(podman, image, "python", "-c", script).splitlines() == [
        "[] True True",
        "/data/.cache/tone-shootout/kernels",
    ]


def test_any_user_renders_a_shootout_on_a_read_only_file_system(podman: Podman, image: str) -> None:
    folder = podman.folder / "rendered"
    folder.mkdir()
    lay_out(folder)
    (folder / "two-amps.toml").write_text(SPEC, encoding="utf-8")
    script = "shootout render /in/two-amps.toml --out /data/out && ls /data/out /data/.cache/tone-shootout/kernels"
    options = ("--user=12345:0", f"--volume={folder}:/in:ro", "--entrypoint=sh")
    listed = podman.output(*HARDENED, *options, image, "-c", script).splitlines()
    assert {"comparison.mp4", "manifest.json", "segments", "index.html"} <= set(listed)
    assert any(re.fullmatch(r"[0-9a-f]{64}", name) for name in listed)


def test_the_bill_of_materials_names_every_package_with_its_version(podman: Podman, image: str) -> None:
    bill = json.loads(_run(podman, image, "cat", "/app/sbom.cdx.json"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "tone-shootout")
    named = {(each["purl"].split("@")[0].split("?")[0], each["version"]) for each in bill["components"]}
    script = """
from importlib.metadata import distributions
for each in distributions():
    print(f"pkg:pypi/{each.name.lower().replace('_', '-').replace('.', '-')}", each.version)
"""
    installed = _pairs(_run(podman, image, "python", "-c", script))
    installed |= _pairs(
        _run(podman, image, "dpkg-query", "--show", "--showformat", "pkg:deb/debian/${Package} ${Version}\\n")
    )
    own = {each for each in installed if each[0] == "pkg:pypi/tone-shootout"}
    assert len(own) == 1
    assert {(_plain(name), version) for name, version in installed - own} == {
        (_plain(name), version) for name, version in named
    }


def _pairs(text: str) -> set[tuple[str, str]]:
    return {(name, version) for name, _, version in (line.partition(" ") for line in text.splitlines())}


def _plain(name: str) -> str:
    return name.lower().replace("%2b", "+").replace("_", "-").replace(".", "-")


def _readme() -> str:
    return (PROJECT / "deploy" / "README.md").read_text(encoding="utf-8")
