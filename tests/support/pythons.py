"""The Pythons of this machine that the package supports."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""The supported versions, as the classifiers of the package state them."""


def find_pythons() -> dict[str, str]:
    """Return an executable of each supported version: this one, those on PATH, and those of pyenv."""
    found = {_version(sys.executable): sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in VERSIONS:
        places = [shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
        for place in places:
            if place is not None and version not in found and _version(place) == version:
                found[version] = str(place)
    return dict(sorted(found.items(), key=lambda each: VERSIONS.index(each[0])))


def _version(executable: str | Path) -> str:
    """Return major and minor version, or nothing if it does not run, as a shim of pyenv without a Python."""
    code = "import sys; print(*sys.version_info[:2], sep='.')"
    done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False)
    match = re.fullmatch(r"3\.\d+", done.stdout.strip())
    return match[0] if match else ""
