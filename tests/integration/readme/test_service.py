"""The README's commands that start and use the service."""

from pathlib import Path

import pytest

from tests.support.readme import accepts_a_new_token, served, signs_in_from_the_command_line

pytestmark = pytest.mark.slow


@pytest.mark.thorough
def test_the_service_accepts_a_new_token_and_stops_on_ctrl_c(folder: Path, environ: dict[str, str]) -> None:
    with served("shootout serve", folder, environ) as service:
        accepts_a_new_token(service, folder, environ)


def test_with_the_tone3000_stand_in_it_accepts_a_new_token_and_a_sign_in_of_the_command_line(
    folder: Path, environ: dict[str, str]
) -> None:
    with served("shootout serve --fake-tone3000", folder, environ) as service:
        signs_in_from_the_command_line(service, folder, environ)
        accepts_a_new_token(service, folder, environ)
