"""Request and response bodies of listening tests."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self, cast
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tone_shootout.listening.blind import result_dtos, scores
from tone_shootout.listening.blind.excerpts import MAX_S
from tone_shootout.listening.blind.services import ListeningTestState, kind_of, method_of, run_of
from tone_shootout.listening.blind.session_service import OpenSession
from tone_shootout.listening.blind.trials import MAX_TONES, Answer, Choice, Kind, Method
from tone_shootout.listening.shares.dtos import share_path
from tone_shootout.listening.statistics.abx import power_sentence

TESTS: Final = "/api/v1/tests"
SESSIONS: Final = "/api/v1/test-sessions"

ListeningTestKind = Kind
PreferenceMethod = Method
ResultsVisibility = Literal["at_end", "after_close", "owner"]

_Kind = Annotated[
    ListeningTestKind,
    Meta(
        description="`abx`: can the difference be heard? `preference`: which tone is liked? `identification`: which is "
        "which?",
        examples=["abx"],
    ),
]
_Method = Annotated[
    PreferenceMethod,
    Meta(description="How a preference is stated: sliders from 0 to 100, or pairs.", examples=["sliders"]),
]
_Results = Annotated[
    ResultsVisibility,
    Meta(
        description="Who sees results: `at_end` those who have finished, `after_close` everybody after closing, "
        "`owner` nobody else.",
        examples=["at_end"],
    ),
]
_ClosesAt = Annotated[
    datetime, Meta(description="When the test closes; null: never.", tz=True, examples=["2027-01-01T00:00:00Z"])
]
_Position = Annotated[int, Meta(ge=1, le=1000)]
_Label = Annotated[str, Meta(min_length=1, max_length=1, pattern=r"^[a-h]$(?!\n)")]


class ListeningTestCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """A listening test to open. What is asked can't be changed later."""

    kind: _Kind
    segments: Annotated[
        list[_Position],
        Meta(
            description="Positions of segments of one DI track: two for ABX, 3 to 8 for sliders, 2 to 8 otherwise.",
            min_length=2,
            max_length=MAX_TONES,
            examples=[[1, 2]],
        ),
    ]
    method: _Method = "sliders"
    trials: Annotated[
        Annotated[int, Meta(ge=1, le=24)] | None,
        Meta(
            description="ABX: 8, 12, 16, 20 or 24 trials, 16 by default. Identification: 1 to 4 rounds, 1 by default. "
            "Preference: null; 2 ratings, or all pairs and 6 hidden repeats.",
            examples=[16],
        ),
    ] = None
    start_s: Annotated[
        float, Meta(description="Start of the excerpt in the segments, seconds.", ge=0, le=36_000, examples=[0.0])
    ] = 0.0
    duration_s: Annotated[
        Annotated[float, Meta(ge=0.5, le=MAX_S)] | None,
        Meta(description="Length of the excerpt, seconds; null: up to 20.", examples=[10.0]),
    ] = None
    results: _Results = "at_end"
    closes_at: Annotated[
        _ClosesAt | None, Meta(description="When the test closes; null: never.", examples=["2027-01-01T00:00:00Z"])
    ] = None


class ListeningTestUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """Fields to change; others keep their value."""

    results: _Results | UnsetType = UNSET
    closes_at: Annotated[
        _ClosesAt | UnsetType | None,
        Meta(description="When the test closes; null: never.", examples=["2027-01-01T00:00:00Z"]),
    ] = UNSET


class ListeningTestLinks(Struct, kw_only=True):
    """Links of a listening test."""

    self: Annotated[str, Meta(description="The test.", examples=[f"{TESTS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])]
    share: Annotated[
        str, Meta(description="The share whose segments it plays.", examples=["/api/v1/shares/q3ZlN7c0Yx8aB1uT"])
    ]
    sessions: Annotated[
        str,
        Meta(
            description="POST here to take the test.",
            examples=[f"{TESTS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/sessions"],
        ),
    ]
    results: Annotated[
        str, Meta(description="Its results.", examples=[f"{TESTS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/results"])
    ]


class ListeningTestRead(Struct, kw_only=True):
    """A listening test."""

    id: Annotated[UUID, Meta(description="Id of the test.")]
    kind: _Kind
    method: Annotated[_Method | None, Meta(description="How a preference is stated; null for other kinds.")]
    tones: Annotated[int, Meta(description="Number of tones.", examples=[2])]
    segments: Annotated[
        list[int] | None,
        Meta(description="Positions of the segments; null for others than the owner.", examples=[[1, 2]]),
    ]
    trials: Annotated[int, Meta(description="Number of trials of a listener.", examples=[16])]
    statement: Annotated[
        str,
        Meta(
            description="What the test can show, for ABX; empty for other kinds.",
            examples=["12 of 16 right answers are needed (p = 0.038)."],
        ),
    ]
    start_s: Annotated[float, Meta(description="Start of the excerpt, seconds.", examples=[0.0])]
    duration_s: Annotated[float, Meta(description="Length of the excerpt, seconds.", examples=[8.0])]
    results: _Results
    closes_at: Annotated[datetime | None, Meta(description="When the test closes; null: never.")]
    is_open: Annotated[bool, Meta(description="Whether it accepts answers.", examples=[True])]
    started: Annotated[int, Meta(description="Number of sessions started.", examples=[41])]
    finished: Annotated[int, Meta(description="Number of sessions finished.", examples=[35])]
    created_at: Annotated[datetime, Meta(description="Time of creation.")]
    links: Annotated[ListeningTestLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, state: ListeningTestState, viewer: UUID | None) -> Self:
        """Return a test as somebody may see it.

        Args:
            state: the test.
            viewer: the signed-in user.
        """
        test = state.test
        path = listening_test_path(test.id)
        return cls(
            id=test.id,
            kind=kind_of(test),
            method=method_of(test),
            tones=len(test.positions),
            segments=list(test.positions) if viewer == test.owner_id else None,
            trials=test.trials,
            statement=power_sentence(test.trials) if test.kind == "abx" else "",
            start_s=round(test.start_s, 3),
            duration_s=round(test.duration_s, 3),
            results=cast("ResultsVisibility", test.results),
            closes_at=test.closes_at,
            is_open=state.is_open,
            started=state.started,
            finished=state.finished,
            created_at=test.created_at,
            links=ListeningTestLinks(
                self=path, share=share_path(state.share.slug), sessions=f"{path}/sessions", results=f"{path}/results"
            ),
        )


class StimulusRead(Struct, kw_only=True):
    """A sound of a session."""

    label: Annotated[str, Meta(description="Letter of the sound; ABX: `a`, `b` and `x`.", examples=["x"])]
    trial: Annotated[int, Meta(description="Its trial, from 1; 0: heard in all trials.", examples=[1])]
    content: Annotated[
        str,
        Meta(
            description="A 24-bit WAV file. All sounds of a test have the same size.",
            examples=[f"{SESSIONS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/stimuli/T2bq0mZ3uJc6wVxyK1sLrA"],
        ),
    ]


class ListeningSessionLinks(Struct, kw_only=True):
    """Links of a session."""

    self: Annotated[
        str, Meta(description="The session.", examples=[f"{SESSIONS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])
    ]
    test: Annotated[str, Meta(description="Its test.", examples=[f"{TESTS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111"])]
    answers: Annotated[
        str,
        Meta(description="POST answers here.", examples=[f"{SESSIONS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/answers"]),
    ]
    finish: Annotated[
        str,
        Meta(
            description="POST here after the last answer.",
            examples=[f"{SESSIONS}/0197a6c2-5d5e-7b1a-8f3c-2b9d64e0a111/finish"],
        ),
    ]


class ListeningSessionRead(Struct, kw_only=True):
    """One listener's run through a test."""

    id: Annotated[UUID, Meta(description="Id of the session.")]
    kind: _Kind
    method: Annotated[_Method | None, Meta(description="How a preference is stated; null for other kinds.")]
    trials: Annotated[int, Meta(description="Number of trials.", examples=[16])]
    answered: Annotated[int, Meta(description="Number of answers stored.", examples=[3])]
    is_finished: Annotated[bool, Meta(description="Whether it was finished and counts.", examples=[False])]
    names: Annotated[
        list[str],
        Meta(
            description="Identification: names to match, numbered from 1. Empty for other kinds.",
            examples=[["Plexi, V30", "JCM, Greenback"]],
        ),
    ]
    stimuli: Annotated[
        list[StimulusRead],
        Meta(description="Sounds that can be fetched now: of the trial to answer, and of the next."),
    ]
    links: Annotated[ListeningSessionLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, opened: OpenSession) -> Self:
        """Return a session without its key."""
        session, test = opened.session, opened.test
        path = session_path(session.id)
        names = [tone.chain for tone in opened.state.tones] if test.kind == "identification" else []
        return cls(
            id=session.id,
            kind=kind_of(test),
            method=method_of(test),
            trials=test.trials,
            answered=len(session.answers),
            is_finished=session.finished_at is not None,
            names=names,
            stimuli=[
                StimulusRead(label=each.label, trial=each.trial, content=f"{path}/stimuli/{each.id}")
                for each in opened.reachable
                if each.trial == 0 or each.trial > len(session.answers)
            ],
            links=ListeningSessionLinks(
                self=path, test=listening_test_path(test.id), answers=f"{path}/answers", finish=f"{path}/finish"
            ),
        )


class AnswerCreate(Struct, kw_only=True, forbid_unknown_fields=True):
    """The answer to the next trial: exactly one of `choice`, `ratings` and `matches`."""

    trial: Annotated[int, Meta(description="Number of the trial.", ge=1, le=100, examples=[1])]
    choice: Annotated[
        Choice | UnsetType,
        Meta(description="ABX: which one X is. Pairs: which one is preferred, or `tie`.", examples=["a"]),
    ] = UNSET
    ratings: Annotated[
        dict[_Label, Annotated[int, Meta(ge=0, le=100)]] | UnsetType,
        Meta(description="Sliders: a rating from 0 to 100 for each letter.", examples=[{"a": 70, "b": 35, "c": 50}]),
    ] = UNSET
    matches: Annotated[
        dict[_Label, Annotated[int, Meta(ge=1, le=MAX_TONES)]] | UnsetType,
        Meta(description="Identification: the number of a name for each letter.", examples=[{"a": 2, "b": 1}]),
    ] = UNSET

    def answer(self) -> Answer:
        """Return the answer."""
        return Answer(trial=self.trial, choice=self.choice, ratings=self.ratings, matches=self.matches)


class KeyRead(Struct, kw_only=True):
    """What a sound was."""

    trial: Annotated[int, Meta(description="Its trial; 0: all trials.", examples=[1])]
    label: Annotated[str, Meta(description="Its letter.", examples=["x"])]
    segment: Annotated[int, Meta(description="Position of the segment.", examples=[2])]
    chain: Annotated[str, Meta(description="Name of the chain.", examples=["Plexi, V30"])]


class OwnResultRead(Struct, kw_only=True):
    """A listener's own result."""

    kind: _Kind
    is_visible: Annotated[
        bool, Meta(description="Whether the owner shows results now; otherwise all others are null.", examples=[True])
    ]
    abx: Annotated[result_dtos.RateRead | None, Meta(description="Result of an ABX test.")]
    preference: Annotated[result_dtos.OwnPreferenceRead | None, Meta(description="Result of a preference test.")]
    identification: Annotated[
        result_dtos.OwnIdentificationRead | None, Meta(description="Result of an identification.")
    ]
    key: Annotated[list[KeyRead] | None, Meta(description="What each sound was.")]
    links: Annotated[ListeningSessionLinks, Meta(description="Links.")]

    @classmethod
    def of(cls, opened: OpenSession, *, is_visible: bool) -> Self:
        """Return the result of a finished session."""
        test, tones, run = opened.test, opened.state.tones, run_of(opened.session)
        links = ListeningSessionRead.of(opened).links
        found = cls(
            kind=kind_of(test),
            is_visible=is_visible,
            abx=None,
            preference=None,
            identification=None,
            key=None,
            links=links,
        )
        if not is_visible:
            return found
        if test.kind == "abx":
            found.abx = result_dtos.published(result_dtos.RateRead.of(scores.abx_correct(run), test.trials))
        elif test.kind == "preference":
            found.preference = result_dtos.published(scores.own_preference(run, method_of(test), tones))
        else:
            found.identification = result_dtos.published(scores.own_identification(run, len(tones)))
        found.key = [
            KeyRead(trial=each.trial, label=each.label, segment=tones[each.tone].segment, chain=tones[each.tone].chain)
            for each in run.stimuli
        ]
        return found


class ListeningResultsRead(Struct, kw_only=True):
    """Results of a listening test over all listeners who have finished."""

    kind: _Kind
    method: Annotated[_Method | None, Meta(description="How a preference is stated; null for other kinds.")]
    segments: Annotated[list[int], Meta(description="Positions of the segments.", examples=[[1, 2]])]
    chains: Annotated[list[str], Meta(description="Names of their chains.", examples=[["Plexi, V30", "JCM"]])]
    trials: Annotated[int, Meta(description="Number of trials of a listener.", examples=[16])]
    started: Annotated[int, Meta(description="Number of sessions started.", examples=[41])]
    finished: Annotated[int, Meta(description="Number of sessions finished.", examples=[35])]
    abx: Annotated[result_dtos.AbxResultsRead | None, Meta(description="Results of an ABX test.")]
    preference: Annotated[result_dtos.PreferenceResultsRead | None, Meta(description="Results of a preference test.")]
    identification: Annotated[
        result_dtos.IdentificationResultsRead | None, Meta(description="Results of an identification.")
    ]

    @classmethod
    def of(cls, state: ListeningTestState, runs: list[scores.Run]) -> Self:
        """Return the results of a test."""
        test, tones = state.test, state.tones
        found = cls(
            kind=kind_of(test),
            method=method_of(test),
            segments=[tone.segment for tone in tones],
            chains=[tone.chain for tone in tones],
            trials=test.trials,
            started=state.started,
            finished=len(runs),
            abx=None,
            preference=None,
            identification=None,
        )
        if test.kind == "abx":
            found.abx = result_dtos.published(scores.abx_results(runs, test.trials))
        elif test.kind == "preference":
            found.preference = result_dtos.published(scores.preference_results(runs, method_of(test), tones))
        else:
            found.identification = result_dtos.published(scores.identification_results(runs, len(tones), test.trials))
        return found


def listening_test_path(test_id: UUID) -> str:
    """Return the URL path of a test."""
    return f"{TESTS}/{test_id}"


def session_path(session_id: UUID) -> str:
    """Return the URL path of a session."""
    return f"{SESSIONS}/{session_id}"


def changes_of(data: ListeningTestUpdate) -> dict[str, object]:
    """Return the fields of an update that were sent."""
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
