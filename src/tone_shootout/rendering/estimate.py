"""Estimated cost of a plan."""

from collections.abc import Collection

from tone_shootout.rendering.engine.schedule import schedule
from tone_shootout.rendering.executor import analysis, stages
from tone_shootout.rendering.listening_page import pipeline as listening_page
from tone_shootout.rendering.plan.planner import Plan
from tone_shootout.rendering.video import video_pipeline


def estimate(
    plan: Plan,
    available: Collection[str],
    *,
    video: bool = True,
    plots: bool = True,
    page: bool = True,
    sound_only: bool = False,
) -> float:
    """Estimate the cost of everything that is not cached, in seconds on one core.

    Args:
        plan: the plan.
        available: keys of the cached outputs.
        video: whether to include the video, if the spec has one.
        plots: whether to include the plots, if the spec has them.
        page: whether to include the listening page, if the spec has one.
        sound_only: whether to include only the segments.
    """
    total = stages.total_cost(plan, schedule(plan, available))
    if sound_only:
        return total
    plots, video = plots and plan.spec.output.plots, video and plan.spec.output.video
    total += analysis.total_cost(plan, plots=plots)
    if page and plan.spec.output.page:
        total += listening_page.total_cost(plan)
    return total + video_pipeline.total_cost(plan) if video else total
