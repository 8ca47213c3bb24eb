"""From a plan to files: segments, levels, video and manifest."""
