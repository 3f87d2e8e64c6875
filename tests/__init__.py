"""Tests, in the folders of what they test; `support` is shared, `perf` and `soak` run apart."""
