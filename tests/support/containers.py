"""Podman with storage of its own, for the tests of `deploy/`; on machines without a registry of images."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.processes import eventually
from tests.support.shared import PROJECT

RELEASE = "trixie"
MIRROR = "http://deb.debian.org/debian"
TIMEOUT_S = 600
_PROGRAMS = ("podman", "runc", "mmdebstrap")
_LIMIT = 16_384
_CERTIFICATES = "/etc/host-certificates.crt"
# What Debian leaves out of its image `slim`.
_SLIM = ("man", "info", "lintian", "locale", "doc")


def missing() -> str | None:
    """Return what this machine lacks to build and run containers, None if it lacks nothing."""
    if os.geteuid() != 0:
        return "root"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"{', '.join(lacking)} (apt-get install podman runc netavark aardvark-dns mmdebstrap)"
    try:
        with urllib.request.urlopen(f"{MIRROR}/dists/{RELEASE}/Release", timeout=60):
            return None
    except (urllib.error.URLError, TimeoutError) as error:
        return f"Debian's packages: {MIRROR} does not respond ({error})"


class Podman:
    """Runs podman on its own storage, so that nothing of the machine's is used or left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "podman.sock"
        self._environ = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            # Health checks are run by `checking_health`; a machine without systemd has no timers.
            "DISABLE_HC_SYSTEMD": "true",
            "TMPDIR": str(folder),
        }
        # By default, podman raises them beyond what this process may.
        limits = [f"nofile={_LIMIT}:{_LIMIT}", f"nproc={_LIMIT}:{_LIMIT}"]
        (folder / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/storage"\n'
        )
        (folder / "containers.conf").write_text(
            f"[containers]\ndefault_ulimits = {limits}\n"
            f'[network]\nnetwork_config_dir = "{folder}/networks"\n'
            f'[engine]\ncompat_api_enforce_docker_hub = false\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
            f'events_logger = "file"\n'
            f'tmp_dir = "{folder}/state"\n'
        )

    def start(self, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        """Start podman in the background, its output hidden."""
        return subprocess.Popen(
            ["podman", *map(str, arguments)],
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, *arguments: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run podman to its end; fail with its output if it fails."""
        done = subprocess.run(
            ["podman", *map(str, arguments)],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"podman {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def output(self, *arguments: str | Path) -> str:
        """Return what podman writes."""
        return self.run(*arguments).stdout.strip()

    def make_base(self, tag: str) -> None:
        """Make an image like Debian's `slim` from its packages.

        Certificates and package settings of this machine are in it.
        """
        archive = self.folder / "base.tar"
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _SLIM]
        settings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_INDEX", "UV_INDEX"))}
        settings |= {name: os.environ[name] for name in ("UV_DEFAULT_INDEX",) if name in os.environ}
        hooks = []
        if certificates := os.environ.get("SSL_CERT_FILE"):
            hooks = [f"--customize-hook=upload {certificates} {_CERTIFICATES}"]
            settings |= {"SSL_CERT_FILE": _CERTIFICATES, "PIP_CERT": _CERTIFICATES}
        command = ["mmdebstrap", "--quiet", "--variant=minbase", *excluded, *hooks]
        command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", "--aptopt=Acquire::Languages none"]
        made = subprocess.run(
            [*command, RELEASE, str(archive), MIRROR],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "TMPDIR": str(self.folder)},
            check=False,
        )
        assert made.returncode == 0, made.stderr
        changes = [f"--change=ENV={name}={value}" for name, value in settings.items()]
        self.run("import", "--quiet", *changes, archive, tag)
        archive.unlink()

    def build(self, file: Path, context: Path, tag: str, *options: str) -> None:
        """Build an image."""
        self.run("build", "--isolation=chroot", "--quiet", f"--file={file}", f"--tag={tag}", *options, context)

    def compose(self, project: Path, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run Docker Compose on `compose.yml` in a folder."""
        mounts = [f"--volume={self.socket}:/var/run/docker.sock", f"--volume={project}:{project}"]
        return self.run(
            "run", "--rm", "--network=host", *mounts, f"--workdir={project}", "compose", *arguments, check=check
        )

    @contextmanager
    def serving(self) -> Generator[None, None, None]:
        """Serve the API of Docker, and run the health checks of all containers over and over."""
        service = self.start("system", "service", "--time=0", f"unix://{self.socket}")
        ended = threading.Event()
        checks = threading.Thread(target=self._check_health, args=(ended,))
        checks.start()
        try:
            eventually(self.socket.exists)
            yield
        finally:
            ended.set()
            checks.join()
            service.terminate()
            service.wait()

    def _check_health(self, ended: threading.Event) -> None:
        while not ended.wait(2):
            for container in self.output("ps", "--quiet").split():
                self.run("healthcheck", "run", container, check=False)

    def clean_up(self) -> None:
        """Delete all containers, networks, volumes and images, and the folder."""
        for arguments in (
            ("rm", "--all", "--force", "--time=0"),
            ("network", "prune", "--force"),
            ("volume", "prune", "--force"),
            ("rmi", "--all", "--force"),
        ):
            self.run(*arguments, check=False)
        # Podman keeps the monitors of commands in containers for five minutes; then they would use the folder again.
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "conmon" and str(self.folder) in " ".join(process.info["cmdline"] or ()):
                process.kill()
        for mount in ("storage/overlay", "storage"):
            subprocess.run(["umount", "--lazy", self.folder / mount], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def build_service(podman: Podman, base: str, tag: str) -> None:
    """Build the image of the service from the working copy."""
    podman.build(
        PROJECT / "deploy" / "Dockerfile",
        PROJECT,
        tag,
        "--layers=false",
        f"--build-arg=BASE={base}",
        "--build-arg=REVISION=tested",
    )


def build_stand_ins(podman: Podman, base: str, tags: dict[str, str]) -> None:
    """Build the stand-ins for public images: by target, the name of the image."""
    folder = PROJECT / "tests" / "deploy" / "stand_ins"
    servers = f"--build-context=servers={sysconfig.get_path('purelib')}"
    for target, tag in tags.items():
        podman.build(
            folder / "Dockerfile", folder, tag, f"--target={target}", servers, f"--build-arg=BASE={base}", "--layers"
        )


@contextmanager
def podman() -> Generator[Podman, None, None]:
    """Give a podman with an empty storage, and remove all that it made."""
    made = Podman(Path(tempfile.mkdtemp(prefix="shootout-deploy-", dir="/var/tmp")))
    try:
        yield made
    finally:
        made.clean_up()
