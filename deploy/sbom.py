"""Write the bill of materials of the image: the packages of Python and of Debian, in CycloneDX's JSON."""

import csv
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL


def main(python: str, debian: Path, out: Path) -> None:
    """Write the bill.

    Args:
        python: interpreter of the environment with the service.
        debian: name, version and architecture of Debian's packages, a line each, separated by tabs.
        out: file to write.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "environment", python, "--pyproject", "pyproject.toml", "-o", "-"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - no user's input
    bill = Bom.from_json(json.loads(found.stdout))  # type: ignore[attr-defined]  # added by a decorator
    with debian.open(encoding="utf-8") as lines:
        for name, version, architecture in csv.reader(lines, delimiter="\t"):
            url = PackageURL("deb", "debian", name, version, {"arch": architecture})
            part = Component(
                type=ComponentType.LIBRARY, name=name, version=version, purl=url, bom_ref=f"{name}:{architecture}"
            )
            bill.components.add(part)
    JsonV1Dot6(bill).output_to_file(str(out), allow_overwrite=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
