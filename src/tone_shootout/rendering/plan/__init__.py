"""The plan: segments, rates, render keys, cost estimates and the video's timeline."""
