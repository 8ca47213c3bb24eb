"""The plan: segments, rates, render keys and the timeline of the video."""
