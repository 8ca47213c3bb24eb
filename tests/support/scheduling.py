"""How `pytest-xdist` distributes tests: by file, and by folder where a folder's tests share something expensive."""

from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"


class Scheduling(LoadFileScheduling):
    """`--dist=loadfile`, with the tests that share a browser kept together."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the group that a test runs in."""
        return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)
