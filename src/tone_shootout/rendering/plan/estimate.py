"""How much work a plan is."""

from collections.abc import Collection

from tone_shootout.rendering.engine.schedule import schedule
from tone_shootout.rendering.executor import analysis as survey
from tone_shootout.rendering.executor import stages
from tone_shootout.rendering.plan.planner import Plan
from tone_shootout.rendering.video import video_pipeline as filming


def estimate(
    plan: Plan, there: Collection[str], *, video: bool = True, plots: bool = True, sound_only: bool = False
) -> float:
    """Estimate all the work that is left, in seconds on one core.

    Args:
        plan: all of it.
        there: keys of the sounds that need not be made.
        video: whether a video is made.
        plots: whether plots are drawn.
        sound_only: whether nothing but the segments is made.
    """
    total = stages.total_cost(plan, schedule(plan, there))
    if sound_only:
        return total
    total += survey.total_cost(plan, plots=plots, video=video)
    return total + filming.total_cost(plan) if video else total
