"""Errors of listening tests."""

from tone_shootout.kit.http.problems import ConflictError, Fault, ForbiddenError, InvalidError, NotFoundError


class ListeningTestNotFoundError(NotFoundError):
    """There is no such test, it was withdrawn with its share, or it belongs to another user."""

    code = "listening_test_not_found"

    def __init__(self) -> None:
        super().__init__("Listening test not found. Its owner may have withdrawn it.")


class ListeningSessionNotFoundError(NotFoundError):
    """The browser has no such session."""

    code = "listening_session_not_found"

    def __init__(self) -> None:
        super().__init__("This browser has no such session. Start the test again.")


class StimulusNotFoundError(NotFoundError):
    """The session has no such sound, or its trial has not come yet."""

    code = "stimulus_not_found"

    def __init__(self) -> None:
        super().__init__("The session has no such sound now. Answer the trials in order.")


class InvalidListeningTestError(InvalidError):
    """The question can't be asked about these segments."""

    code = "invalid_listening_test"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, errors=[Fault(code="invalid_listening_test", pointer=pointer, detail=detail)])


class InvalidAnswerError(InvalidError):
    """The answer does not fit the trial."""

    code = "invalid_answer"

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail, errors=[Fault(code="invalid_answer", pointer=pointer, detail=detail)])


class ListeningTestClosedError(ConflictError):
    """The test accepts no answers any more."""

    code = "listening_test_closed"

    def __init__(self) -> None:
        super().__init__("The listening test is closed.")


class ListeningTestFullError(ConflictError):
    """The test has as many sessions as one can have."""

    code = "listening_test_full"

    def __init__(self) -> None:
        super().__init__("The listening test has as many sessions as one can have. Ask its owner for another.")


class AlreadyAnsweredError(ConflictError):
    """The trial has another answer."""

    code = "already_answered"

    def __init__(self, trial: int) -> None:
        super().__init__(f"Trial {trial} has an answer. Answers can't be changed.")


class TrialsLeftError(ConflictError):
    """Not all trials are answered."""

    code = "trials_left"

    def __init__(self, next_trial: int) -> None:
        super().__init__(f"Answer trial {next_trial} first.")


class ResultsHiddenError(ForbiddenError):
    """The owner shows the results to others later, or not at all."""

    code = "results_hidden"
