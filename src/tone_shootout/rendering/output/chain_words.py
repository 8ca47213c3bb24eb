"""Chains in words, for the cards of the video: what the signal passes, with makers and settings."""

from collections.abc import Mapping
from pathlib import PurePath

from tone_shootout.rendering.output.manifest import Input
from tone_shootout.rendering.spec.schema import (
    Block,
    CabIrBlock,
    CaptureBlock,
    Chain,
    CompressorBlock,
    DelayBlock,
    EqBlock,
    GainBlock,
    NoiseGateBlock,
    SplitBlock,
)


def chain_in_words(chain: Chain, inputs: Mapping[str, Input]) -> str:
    """Return the active blocks of a chain in order, such as `Plexi by Ann, +6 dB in → V30, low cut 80 Hz`.

    Args:
        chain: the chain.
        inputs: the manifest's records of its files, by the spec's `file`. A capture or cab IR has the title and author
            of its credit, or its name without the suffix.
    """
    return " → ".join(_words(block, inputs) for block in chain.blocks if not block.bypass)


def _words(block: Block, inputs: Mapping[str, Input]) -> str:
    match block:
        case CaptureBlock():
            settings = [_name(inputs[block.file])]
            settings += [f"{_signed(block.input_gain_db)} dB in"] if block.input_gain_db else []
            settings += [f"size {block.size:g}"] if block.size is not None else []
        case CabIrBlock():
            settings = [_name(inputs[block.file])]
            settings += [block.channel] if block.channel else []
            settings += [f"low cut {block.low_cut_hz:g} Hz"] if block.low_cut_hz else []
            settings += [f"high cut {block.high_cut_hz:g} Hz"] if block.high_cut_hz else []
            settings += [f"mix {block.mix:.0%}"] if block.mix < 1.0 else []
        case GainBlock():
            settings = [f"gain {_signed(block.gain_db)} dB"]
        case EqBlock():
            settings = [f"EQ of {len(block.bands)} band{'s' if len(block.bands) > 1 else ''}"]
        case CompressorBlock():
            settings = [f"compressor {block.ratio:g}:1 above {_signed(block.threshold_db)} dBFS"]
        case NoiseGateBlock():
            settings = [f"gate at {_signed(block.threshold_db)} dBFS"]
        case DelayBlock():
            settings = [f"delay {block.time_ms:g} ms", f"mix {block.mix:.0%}"]
        case SplitBlock():
            paths = (
                " → ".join(_words(each, inputs) for each in path.blocks if not each.bypass) or "dry"
                for path in block.paths
            )
            settings = [" + ".join(f"({path})" for path in paths)]
        case _:
            settings = [f"{block.reverb_type} {block.decay_s:g} s", f"mix {block.mix:.0%}"]
            if block.width:
                settings += [f"width {block.width:.0%}", *([block.channel] if block.channel else [])]
    return ", ".join(settings)


def _name(item: Input) -> str:
    if item.credit is None:
        return PurePath(item.name).stem
    return f"{item.credit.title} by {item.credit.creator}" if item.credit.creator else item.credit.title


def _signed(value: float) -> str:
    return f"{value:+g}".replace("-", "−")
