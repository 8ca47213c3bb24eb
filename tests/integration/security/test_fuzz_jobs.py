"""Whatever is sent to jobs and webhooks: no error of ours, and every answer as documented."""

import pytest

from tests.integration.security.fuzzing import fuzz
from tests.integration.security.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_whatever_is_sent_is_answered_as_documented(base_url: str, world: World) -> None:
    await fuzz(base_url, world, "jobs", "webhooks")
