"""The equalizer that brings one tone to another, as a spec and an answer have it, and checked by rendering it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from tone_shootout.rendering.spec.schema import Band, EqBlock

if TYPE_CHECKING:
    from tone_shootout.audio.matching import Match
    from tone_shootout.audio.signals import Float32, Float64, Signal

RATE: Final = 48_000
"""Sample rate of the equalizer and its impulse response, Hz."""
_ROUNDS: Final = 3
"""How often a tone is equalized and measured; each time but the first, what was left is corrected."""


class MatchPoint(Struct, frozen=True, kw_only=True):
    """A point of the curve."""

    frequency_hz: Annotated[float, Meta(description="Mid-band frequency of a third octave, Hz.", examples=[1000.0])]
    gain_db: Annotated[float, Meta(description="Gain, −24 to 24 dB.", examples=[2.5])]
    matched: Annotated[
        bool, Meta(description="Whether both tones are within 50 dB of their highest third octave.", examples=[True])
    ]


class MatchDifference(Struct, frozen=True, kw_only=True):
    """Difference of the third octaves of two tones that are matched, without its mean."""

    rms_db: Annotated[float, Meta(description="Root of the mean square, dB.", examples=[0.3])]
    max_db: Annotated[float, Meta(description="Largest magnitude, dB.", examples=[0.9])]


@dataclass(frozen=True)
class RenderedMatch:
    """An equalizer that was rendered.

    Attributes:
        match: what was computed; its curve and its filters are those that left least when they were rendered.
        ir: minimum-phase impulse response of the curve at 48 kHz, shape (T,).
        after_eq: what is left after the filters, measured.
        after_ir: what is left after the impulse response, measured.
    """

    match: "Match"
    ir: "Float32"
    after_eq: MatchDifference
    after_ir: MatchDifference


def match_levels(target_db: Sequence[float], source_db: Sequence[float]) -> "Match":
    """Find the equalizer between two tones of which only the third-octave levels are known.

    Args:
        target_db: levels of the target by band of `audio.spectrum.THIRD_OCTAVES_HZ`, dB.
        source_db: levels of the source.

    Raises:
        AudioError: `silent`, `bad_shape` or `not_finite`.
    """
    from tone_shootout.audio.matching import match, parts_of_levels

    return match(parts_of_levels(target_db), parts_of_levels(source_db), RATE)


def match_sounds(target: "Signal", source: "Signal") -> RenderedMatch:
    """Find the equalizer between two tones and check it: the source is equalized by the engine and measured.

    Args:
        target: samples at 48 kHz, shape (T,) or (channels, T).
        source: samples at 48 kHz; the length may differ.

    Raises:
        AudioError: `silent`, `too_short`, `empty`, `not_finite` or `bad_shape`.
    """
    from dataclasses import replace

    import numpy as np

    from tone_shootout.audio.convolve import cab_ir, prepare_ir
    from tone_shootout.audio.files import Audio
    from tone_shootout.audio.filters import equalize
    from tone_shootout.audio.matching import band_parts, difference_db, match, minimum_phase
    from tone_shootout.audio.sides import each_side

    wanted, given = band_parts(target, RATE), band_parts(source, RATE)
    correction: Float64 = np.zeros(len(wanted))
    curves, filters = [], []
    for _ in range(_ROUNDS):
        found = match(wanted, given, RATE, correction_db=correction.tolist())
        response = minimum_phase(found.curve_db, RATE)
        prepared = prepare_ir(Audio(response[np.newaxis], RATE), RATE)
        through_ir = each_side(lambda side, ir=prepared: cab_ir(side, ir, RATE), source)
        left_by_ir = difference_db(wanted, band_parts(through_ir, RATE), found.matched)
        through_eq = equalize(source, RATE, found.bands)
        left_by_eq = difference_db(wanted, band_parts(through_eq, RATE), found.matched)
        curves.append((difference(left_by_ir, found.matched), found, response))
        filters.append((difference(left_by_eq, found.matched), found))
        correction = correction + 0.8 * np.array(left_by_ir)
    after_ir, by_curve, ir = min(curves, key=lambda each: each[0].rms_db)
    after_eq, by_filters = min(filters, key=lambda each: each[0].rms_db)
    best = replace(by_curve, bands=by_filters.bands, after_bands_db=by_filters.after_bands_db)
    return RenderedMatch(match=best, ir=ir, after_eq=after_eq, after_ir=after_ir)


def difference(left_db: Sequence[float], matched: Sequence[bool]) -> MatchDifference:
    """Return the size of a difference by band, over the matched bands."""
    used = [each for each, is_matched in zip(left_db, matched, strict=True) if is_matched]
    mean_square = sum(each * each for each in used) / len(used)
    return MatchDifference(
        rms_db=round(mean_square**0.5, 2),
        max_db=round(max(abs(each) for each in used), 2),
    )


def curve_points(match: "Match") -> tuple[MatchPoint, ...]:
    """Return the curve of an equalizer, 25 Hz to 20 kHz."""
    from tone_shootout.audio.spectrum import THIRD_OCTAVES_HZ

    return tuple(
        MatchPoint(frequency_hz=round(hz, 1), gain_db=round(gain, 2) + 0.0, matched=matched)
        for hz, gain, matched in zip(THIRD_OCTAVES_HZ.tolist(), match.curve_db, match.matched, strict=True)
    )


def eq_block(match: "Match") -> EqBlock:
    """Return the peak filters of an equalizer as a block of a spec."""
    bands = (Band(type="peak", frequency_hz=each.hz, gain_db=each.db, q=each.q) for each in match.bands)
    return EqBlock(bands=tuple(bands))


def eq_block_toml(block: EqBlock) -> str:
    """Return a block of peak filters as an element of the `blocks` of a spec file."""
    bands = "\n".join(
        f'  {{ type = "peak", frequency_hz = {band.frequency_hz}, gain_db = {band.gain_db}, q = {band.q} }},'
        for band in block.bands
    )
    return f'{{ type = "eq", bands = [\n{bands}\n] }},'
