"""Everything that child processes need, imported once by the server process that they are forked from."""

from tone_shootout.gc_tuning import gc_disabled

with gc_disabled():
    import numpy.ma  # noqa: F401 - `np.unique` imports it

    import tone_shootout.rendering.executor.handlers
    import tone_shootout.rendering.executor.measure
    import tone_shootout.rendering.executor.video_handlers  # noqa: F401 - imported for its effect
    from tone_shootout.audio.nam.kernels import load_compiler

    load_compiler()
