"""The peer of the benchmark repeats the fields of ours: otherwise `task bench -- api` stops at the first answer."""

import ast
from pathlib import Path

import msgspec
import pytest

from tests import bench
from tone_shootout.jobs.dtos import JobLinks
from tone_shootout.rendering.spec import schema as spec
from tone_shootout.shootouts.config import AssetCabIr, AssetCapture, AssetChain, AssetDiTrack, Config

PEER = Path(bench.__path__[0]) / "peer" / "fastapi_service.py"
OURS: dict[str, type[msgspec.Struct]] = {
    "Config": Config,
    "Level": spec.Level,
    "Output": spec.Output,
    "Export": spec.Export,
    "Video": spec.Video,
    "DiTrack": AssetDiTrack,
    "Chain": AssetChain,
    "Capture": AssetCapture,
    "CabIr": AssetCabIr,
    "Gain": spec.GainBlock,
    "Eq": spec.EqBlock,
    "Band": spec.Band,
}
LEFT_OUT = {"tone3000"}
"""Absent from answers that have none."""


@pytest.fixture(scope="module")
def classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(PEER.read_text()).body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize("name", OURS)
def test_the_peer_has_the_fields_of_a_config(name: str, classes: dict[str, ast.ClassDef]) -> None:
    """Its package is not installed, so its source is read."""
    found = [node.target for node in classes[name].body if isinstance(node, ast.AnnAssign)]
    fields = {target.id.removesuffix("_") for target in found if isinstance(target, ast.Name)}
    ours = {field.encode_name for field in msgspec.structs.fields(OURS[name])} - LEFT_OUT
    assert fields - {"type"} == ours - {"type"}


def test_the_peer_has_the_links_of_a_job(classes: dict[str, ast.ClassDef]) -> None:
    keys = {
        key.value
        for node in ast.walk(classes["JobRead"])
        if isinstance(node, ast.FunctionDef) and node.name == "links"
        for each in ast.walk(node)
        if isinstance(each, ast.Dict)
        for key in each.keys
        if isinstance(key, ast.Constant)
    }
    assert keys == {field.encode_name for field in msgspec.structs.fields(JobLinks)}
