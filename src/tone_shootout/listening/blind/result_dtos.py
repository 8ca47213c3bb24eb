"""Results of listening tests, as they are published; numbers are rounded by `published`."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from tone_shootout.listening.statistics import abx
from tone_shootout.precision import rounded

S = TypeVar("S", bound=Struct)

_Correct = Annotated[int, Meta(description="Right answers.", examples=[13])]
_P = Annotated[
    float, Meta(description="Probability that guessing gives at least as many right answers.", examples=[0.0106])
]
_Corrected = Annotated[
    float, Meta(description="The same, corrected for the number of listeners by Holm's method.", examples=[0.0424])
]
_Listener = Annotated[int, Meta(description="Number of the listener, in order of finishing.", examples=[1])]
_Segment = Annotated[int, Meta(description="Position of the segment.", examples=[1])]
_Chain = Annotated[str, Meta(description="Name of the chain.", examples=["Plexi, V30"])]


class RateRead(Struct, frozen=True, kw_only=True):
    """Right answers against guessing."""

    correct: _Correct
    trials: Annotated[int, Meta(description="Number of trials.", examples=[16])]
    correct_share: Annotated[float, Meta(description="Share of right answers.", examples=[0.8125])]
    correct_share_low: Annotated[
        float, Meta(description="Lower limit of the 90 % Clopper–Pearson interval.", examples=[0.583427])
    ]
    correct_share_high: Annotated[float, Meta(description="Upper limit.", examples=[0.946854])]
    p_value: _P
    d_prime: Annotated[
        float | None,
        Meta(description="Sensitivity d′, differencing model; null: all answers are right.", examples=[2.44]),
    ]
    d_prime_low: Annotated[float, Meta(description="Lower limit of its 90 % interval.", examples=[0.99])]
    d_prime_high: Annotated[float | None, Meta(description="Upper limit; null: all answers are right.", examples=[4.0])]
    d_prime_independent: Annotated[
        float | None, Meta(description="d′ of the independent-observation model.", examples=[2.1])
    ]

    @classmethod
    def of(cls, correct: int, trials: int) -> "RateRead":
        """Return the statistics of an ABX test."""
        interval = abx.rate_interval(correct, trials)
        found = abx.sensitivity(correct, trials)
        return cls(
            correct=correct,
            trials=trials,
            correct_share=correct / trials,
            correct_share_low=interval.low,
            correct_share_high=interval.high,
            p_value=abx.p_value(correct, trials),
            d_prime=found.estimate,
            d_prime_low=found.low,
            d_prime_high=found.high,
            d_prime_independent=abx.sensitivity(correct, trials, "independent").estimate,
        )


class AbxListenerRead(Struct, frozen=True, kw_only=True):
    """One listener of an ABX test."""

    listener: _Listener
    correct: _Correct
    p_value: _P
    p_value_corrected: _Corrected


class AbxResultsRead(Struct, frozen=True, kw_only=True):
    """Results of an ABX test."""

    needed: Annotated[int, Meta(description="Right answers that one listener needs for p < 0.05.", examples=[12])]
    pooled: Annotated[RateRead | None, Meta(description="All trials of all listeners; null: nobody has finished.")]
    listeners: Annotated[list[AbxListenerRead], Meta(description="Each listener.")]


class PreferenceToneRead(Struct, frozen=True, kw_only=True):
    """How one tone was liked."""

    segment: _Segment
    chain: _Chain
    strength: Annotated[
        float, Meta(description="Bradley–Terry strength, in logarithms of odds; the mean is 0.", examples=[0.61])
    ]
    strength_low: Annotated[
        float | None,
        Meta(description="Lower limit of the 95 % interval by listener; null below 10 listeners.", examples=[0.32]),
    ]
    strength_high: Annotated[float | None, Meta(description="Upper limit.", examples=[0.9])]
    mean_rating: Annotated[
        float | None, Meta(description="Mean of the sliders, 0 to 100; null for pairs.", examples=[71.5])
    ]


class PreferencePairRead(Struct, frozen=True, kw_only=True):
    """Two tones."""

    first: Annotated[int, Meta(description="Position of the first segment.", examples=[1])]
    second: Annotated[int, Meta(description="Position of the second segment.", examples=[2])]
    difference: Annotated[float, Meta(description="Strength of the first minus that of the second.", examples=[0.8])]
    difference_low: Annotated[
        float, Meta(description="Lower limit of its interval, corrected by Holm's method.", examples=[0.2])
    ]
    difference_high: Annotated[float, Meta(description="Upper limit.", examples=[1.4])]
    p_value_corrected: Annotated[
        float, Meta(description="p of the difference, corrected by Holm's method.", examples=[0.008])
    ]
    is_tie: Annotated[bool, Meta(description="Whether the interval contains 0: nobody has shown a difference.")]


class RankingRead(Struct, frozen=True, kw_only=True):
    """Ranking of all tones, the most preferred first."""

    listeners: Annotated[int, Meta(description="Number of listeners.", examples=[24])]
    tones: Annotated[list[PreferenceToneRead], Meta(description="All tones.")]
    pairs: Annotated[list[PreferencePairRead], Meta(description="All pairs; empty below 10 listeners.")]


class PreferenceResultsRead(Struct, frozen=True, kw_only=True):
    """Results of a preference test."""

    rule: Annotated[
        str,
        Meta(
            description="Rule of consistency, fixed before the test.",
            examples=["A listener is consistent if at least 4 of 6 hidden repeats agree."],
        ),
    ]
    excluded: Annotated[int, Meta(description="Listeners that the rule excludes.", examples=[3])]
    everybody: Annotated[RankingRead | None, Meta(description="All listeners; null: nobody has finished.")]
    consistent: Annotated[RankingRead | None, Meta(description="Only consistent listeners; null: there are none.")]


class IdentificationListenerRead(Struct, frozen=True, kw_only=True):
    """One listener of an identification."""

    listener: _Listener
    correct: Annotated[int, Meta(description="Right matches.", examples=[4])]
    p_value: _P
    p_value_corrected: _Corrected


class IdentificationResultsRead(Struct, frozen=True, kw_only=True):
    """Results of an identification."""

    needed: Annotated[
        int | None,
        Meta(description="Right matches that one listener needs for p < 0.05; null: impossible.", examples=[4]),
    ]
    expected: Annotated[float, Meta(description="Right matches that guessing gives on average.", examples=[24.0])]
    correct: Annotated[int, Meta(description="Right matches of all listeners.", examples=[51])]
    p_value: Annotated[
        float | None,
        Meta(
            description="Probability that guessing gives at least as many; null: nobody has finished.", examples=[1e-6]
        ),
    ]
    listeners: Annotated[list[IdentificationListenerRead], Meta(description="Each listener.")]
    confusions: Annotated[
        list[list[int]],
        Meta(
            description="How often each tone (row) was called by each name (column), in the order of `segments`.",
            examples=[[[9, 3], [3, 9]]],
        ),
    ]


class OwnPreferenceRead(Struct, frozen=True, kw_only=True):
    """A listener's own ranking."""

    is_consistent: Annotated[bool, Meta(description="Whether the hidden repeats agree by the rule.")]
    rule: Annotated[str, Meta(description="The rule.", examples=["At least 4 of 6 hidden repeats must agree."])]
    tones: Annotated[list[PreferenceToneRead], Meta(description="All tones, the most preferred first.")]


class OwnIdentificationRead(Struct, frozen=True, kw_only=True):
    """A listener's own matches."""

    correct: Annotated[int, Meta(description="Right matches.", examples=[4])]
    expected: Annotated[float, Meta(description="Right matches that guessing gives on average.", examples=[1.0])]
    p_value: _P
    needed: Annotated[int | None, Meta(description="Right matches with p < 0.05; null: impossible.", examples=[4])]


def published(struct: S) -> S:
    """Return a struct with its numbers as precise as they are meant."""
    return msgspec.convert(rounded(msgspec.to_builtins(struct)), type(struct))
