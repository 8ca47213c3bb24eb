"""All that rendering processes need, imported once by the process that they are forked from."""

from tone_shootout.importing import importing

with importing():
    import tone_shootout.rendering.perform  # noqa: F401 - to have it
