"""The embedded data set: real and synthetic speech built from hash-pinned wheels of PyPI."""

from benchmark.embedded.builder import babble_segments, build, complete, read

__all__ = ["babble_segments", "build", "complete", "read"]
