"""All that rendering processes need, imported once by the process that they are forked from."""

from tone_shootout.gc_tuning import importing

with importing():
    import tone_shootout.rendering.executor.handlers  # noqa: F401 - to have it
