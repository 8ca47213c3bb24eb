"""A config is a spec with ids where files stand, and nothing else."""

from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest

from tone_shootout.rendering.spec import document as documents
from tone_shootout.rendering.spec import schema as spec
from tone_shootout.rendering.spec.leaves import files_of
from tone_shootout.shootouts import config as configs
from tone_shootout.shootouts.config import Config, assets_of, check_sources, config_pointer, document_of, models_of

TRACK, AMP, CAB = (UUID(int=number) for number in (1, 2, 3))
CONFIG: dict[str, Any] = {
    "schema": 1,
    "video": {"blind": True, "vertical": True, "ab_only": True},
    "export": {"aligned": True, "right_polarity": True, "tail_s": 1.5},
    "sweep": [{"input_db": [-6.0, 0.0]}],
    "commercial": True,
    "title": "All of it",
    "level": {"target_lufs": -18.5, "ceiling_dbtp": -2.0},
    "output": {"plots": True, "video": False, "page": True},
    "allow": ["multiple_irs"],
    "di_tracks": [
        {"name": "Whole", "asset": str(TRACK), "calibration_dbu": None, "start_s": 0.0, "end_s": None, "channel": None},
        {
            "name": "Slice",
            "asset": str(TRACK),
            "calibration_dbu": 12.2,
            "start_s": 1.5,
            "end_s": 8.0,
            "channel": "left",
        },
    ],
    "chains": [
        {
            "name": "Every block",
            "trim_db": 1.5,
            "input_gain_db": [-3.0, 3.0],
            "allow": ["no_cab"],
            "blocks": [
                {"type": "noise_gate", "bypass": False, "threshold_db": -70.0},
                {
                    "type": "capture",
                    "bypass": False,
                    "asset": str(AMP),
                    "input_gain_db": 3.0,
                    "size": 0.5,
                    "gear": "amp",
                },
                {
                    "type": "cab_ir",
                    "bypass": True,
                    "asset": str(CAB),
                    "channel": "right",
                    "mix": 0.5,
                    "low_cut_hz": 70.0,
                    "high_cut_hz": 9000.0,
                },
                {"type": "gain", "bypass": False, "gain_db": -3.0},
                {
                    "type": "eq",
                    "bypass": False,
                    "bands": [{"type": "peak", "frequency_hz": 3000.0, "gain_db": 2.0, "q": 0.9}],
                },
                {
                    "type": "compressor",
                    "bypass": False,
                    "threshold_db": -20.0,
                    "ratio": 3.0,
                    "attack_ms": 5.0,
                    "release_ms": 90.0,
                },
                {"type": "delay", "bypass": False, "time_ms": 380.0, "feedback": 0.2, "mix": 0.3},
                {
                    "type": "reverb",
                    "bypass": False,
                    "reverb_type": "hall",
                    "mix": 0.1,
                    "decay_s": 2.0,
                    "width": 0.5,
                    "channel": "left",
                },
                {
                    "type": "split",
                    "bypass": False,
                    "paths": [
                        {"mix_db": 0.0, "pan": 0.0, "polarity": "normal", "align": True, "blocks": []},
                        {
                            "mix_db": -3.0,
                            "pan": 0.5,
                            "polarity": "inverted",
                            "align": False,
                            "blocks": [
                                {
                                    "type": "cab_ir",
                                    "bypass": False,
                                    "asset": str(CAB),
                                    "channel": None,
                                    "mix": 1.0,
                                    "low_cut_hz": None,
                                    "high_cut_hz": None,
                                }
                            ],
                        },
                    ],
                },
            ],
        }
    ],
    "grid": None,
}
GRID: dict[str, Any] = {
    "pedals": [{"name": "Boost", "tone3000": {"tone_id": 7, "model_id": 8}}],
    "captures": [str(AMP), {"asset": str(AMP), "name": "Plexi", "size": 0.5}],
    "cab_irs": [{"asset": str(CAB), "mix": 0.5}],
    "template": [{"type": "pedal"}, {"type": "capture"}, {"type": "cab_ir"}, {"type": "cab_ir", "asset": str(TRACK)}],
}
WITH_MODEL = CONFIG | {
    "chains": [
        *CONFIG["chains"],
        {
            "name": "From TONE3000",
            "trim_db": 0.0,
            "input_gain_db": 0.0,
            "allow": [],
            "blocks": [
                {
                    "type": "capture",
                    "bypass": False,
                    "tone3000": {"tone_id": 7, "model_id": 8},
                    "input_gain_db": 0.0,
                    "size": None,
                    "gear": None,
                }
            ],
        },
    ]
}
PAIRS = [
    (configs.AssetDiTrack, spec.DiTrack),
    (configs.AssetCapture, spec.CaptureBlock),
    (configs.AssetCabIr, spec.CabIrBlock),
    (configs.AssetChain, spec.Chain),
    (configs.AssetSplit, spec.SplitBlock),
    (configs.AssetPath, spec.SplitPath),
    (configs.AssetGridCapture, documents.GridCapture),
    (configs.AssetGridCabIr, documents.GridCabIr),
    (configs.AssetCaptureSlot, documents.CaptureSlot),
    (configs.AssetCabIrSlot, documents.CabIrSlot),
    (configs.AssetSplitSlot, documents.SplitSlot),
    (configs.AssetSlotPath, documents.SlotPath),
    (configs.AssetGrid, documents.Grid),
    (configs.Config, documents.SpecDocument),
]


def with_files(value: Any) -> Any:
    """The same document with `file` where it says `asset`."""
    if isinstance(value, dict):
        return {"file" if key == "asset" else key: with_files(inner) for key, inner in value.items()}
    return [with_files(inner) for inner in value] if isinstance(value, list) else value


def test_a_spec_has_everything_of_its_config() -> None:
    config = msgspec.convert(CONFIG, Config)
    assert msgspec.json.decode(msgspec.json.encode(config)) == CONFIG
    assert msgspec.json.decode(msgspec.json.encode(document_of(config))) == with_files(CONFIG)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_configs_and_specs_have_the_same_fields(ours: type[msgspec.Struct], theirs: type[msgspec.Struct]) -> None:
    fields = {"file" if name == "asset" else name for name in ours.__struct_fields__} - {"tone3000"}
    assert fields == set(theirs.__struct_fields__)
    assert ours.__struct_config__.tag == theirs.__struct_config__.tag
    assert ours.__struct_config__.forbid_unknown_fields


def test_every_block_of_a_spec_is_allowed_in_a_config() -> None:
    tags = {block.__struct_config__.tag for block in get_args(spec.Block)}
    assert {block.__struct_config__.tag for block in get_args(configs.AssetBlock)} == tags
    assert {block["type"] for block in CONFIG["chains"][0]["blocks"]} == tags


def test_repeated_assets_of_a_config_are_repeated() -> None:
    assert list(assets_of(msgspec.convert(CONFIG, Config))) == [TRACK, TRACK, AMP, CAB, CAB]


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/di_tracks/0/file", "/di_tracks/0/asset"),
        ("/chains/0/blocks/1/file", "/chains/0/blocks/1/asset"),
        ("/chains/1/blocks/0/file", "/chains/1/blocks/0/tone3000"),
        ("/chains/0/blocks/8/paths/1/blocks/0/file", "/chains/0/blocks/8/paths/1/blocks/0/asset"),
        ("/chains/0/blocks", "/chains/0/blocks"),
        ("/di_tracks/0/end_s", "/di_tracks/0/end_s"),
        ("", ""),
    ],
)
def test_pointers_into_a_spec_become_pointers_into_its_config(pointer: str, expected: str) -> None:
    assert config_pointer(pointer, msgspec.convert(WITH_MODEL, Config)) == expected


def test_a_model_of_tone3000_can_replace_an_asset() -> None:
    config = msgspec.convert(WITH_MODEL, Config)
    assert msgspec.json.decode(msgspec.json.encode(config)) == WITH_MODEL
    assert list(assets_of(config)) == [TRACK, TRACK, AMP, CAB, CAB]
    assert [(file, ref.tone_id, ref.model_id, kind) for file, ref, kind in models_of(config)] == [
        ("tone3000:7/8", 7, 8, "capture")
    ]
    assert list(files_of(document_of(config).chains[1])) == ["tone3000:7/8"]
    assert not list(check_sources(config))


@pytest.mark.parametrize("source", [{}, {"asset": str(AMP), "tone3000": {"tone_id": 7, "model_id": 8}}])
def test_a_block_has_exactly_one_source(source: dict[str, Any]) -> None:
    block = {"type": "capture", **source}
    config = msgspec.convert(CONFIG | {"chains": [{"name": "x", "blocks": [block]}]}, Config)
    assert [(error.code, error.pointer) for error in check_sources(config)] == [("one_source", "/chains/0/blocks/0")]


@pytest.mark.parametrize(
    "model", [{}, {"tone_id": 7}, {"tone_id": 0, "model_id": 8}, {"tone_id": "7", "model_id": 8}, {"tone_id": 2**60}]
)
def test_a_model_of_tone3000_needs_tone_and_model_id(model: dict[str, Any]) -> None:
    block = {"type": "cab_ir", "tone3000": model}
    with pytest.raises(msgspec.ValidationError, match=r"tone3000"):
        msgspec.convert(CONFIG | {"chains": [{"name": "x", "blocks": [block]}]}, Config)


@pytest.mark.parametrize("title", ["", " ", "\t", "a\nb", "a\n", "\x00", "a\x7f", "x" * 121])
def test_a_title_is_one_visible_line(title: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.title"):
        msgspec.convert(CONFIG | {"title": title}, Config)


def test_a_grid_of_a_config_is_that_of_a_spec() -> None:
    config = msgspec.convert(CONFIG | {"chains": [], "grid": GRID}, Config)
    assert msgspec.convert(msgspec.to_builtins(config), Config) == config
    grid = document_of(config).grid
    assert grid is not None
    plain, plexi = grid.captures
    assert plain == str(AMP)
    assert isinstance(plexi, documents.GridCapture)
    assert (plexi.file, plexi.name, plexi.size, plexi.input_gain_db) == (str(AMP), "Plexi", 0.5, msgspec.UNSET)
    assert list(msgspec.to_builtins(grid.pedals)) == [{"name": "Boost", "file": "tone3000:7/8"}]
    assert [getattr(block, "file", None) for block in grid.template or ()] == [
        *(None, msgspec.UNSET, msgspec.UNSET, str(TRACK))
    ]
    assert list(assets_of(config)) == [TRACK, TRACK, AMP, AMP, CAB, TRACK]
    assert [(ref.model_id, kind) for _, ref, kind in models_of(config)] == [(8, "capture")]
    assert not list(check_sources(config))
    for pointer, expected in (
        ("/grid/pedals/0/file", "/grid/pedals/0/tone3000"),
        ("/grid/captures/1/file", "/grid/captures/1/asset"),
        ("/grid/captures/0", "/grid/captures/0"),
        ("/grid/template/3/file", "/grid/template/3/asset"),
    ):
        assert config_pointer(pointer, config) == expected


def test_a_split_of_a_template_is_that_of_a_spec() -> None:
    paths: list[dict[str, Any]] = [
        {"blocks": [{"type": "cab_ir"}, {"type": "gain", "gain_db": 1.0}]},
        {"blocks": [], "mix_db": -6.0},
    ]
    template = [{"type": "capture"}, {"type": "split", "bypass": True, "paths": paths}]
    grid = {"captures": [str(AMP)], "cab_irs": [str(CAB)], "template": template}
    config = msgspec.convert(CONFIG | {"chains": [], "grid": grid}, Config)
    assert msgspec.convert(msgspec.to_builtins(config), Config) == config
    made = document_of(config).grid
    assert made is not None
    assert made.template == msgspec.convert(with_files(template), tuple[documents.TemplateBlock, ...])

    paths[0]["blocks"][0]["asset"] = str(TRACK)
    config = msgspec.convert(CONFIG | {"chains": [], "grid": grid}, Config)
    assert list(assets_of(config))[2:] == [AMP, CAB, TRACK]
    pointer = "/grid/template/1/paths/0/blocks/0"
    assert config_pointer(f"{pointer}/file", config) == f"{pointer}/asset"
    paths[0]["blocks"][0]["tone3000"] = {"tone_id": 7, "model_id": 8}
    config = msgspec.convert(CONFIG | {"chains": [], "grid": grid}, Config)
    assert [(error.code, error.pointer) for error in check_sources(config)] == [("one_source", pointer)]


def test_an_entry_of_a_grid_has_exactly_one_source() -> None:
    both = {"asset": str(AMP), "tone3000": {"tone_id": 7, "model_id": 8}}
    grid = {"captures": [{}, both], "template": [{"type": "capture", **both}, {"type": "capture"}]}
    config = msgspec.convert(CONFIG | {"grid": grid}, Config)
    assert [error.pointer for error in check_sources(config)] == [
        *("/grid/captures/0", "/grid/captures/1", "/grid/template/0")
    ]


def test_a_grid_has_the_options_of_blocks() -> None:
    for entry, block in ((configs.AssetGridCapture, spec.CaptureBase), (configs.AssetGridCabIr, spec.CabIrBase)):
        assert set(entry.__struct_fields__) - {"name", "asset", "tone3000"} == set(block.__struct_fields__)
