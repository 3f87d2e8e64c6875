"""The error for a file that cannot be used as audio."""

from __future__ import annotations


class AudioError(RuntimeError):
    """Error for a file that cannot be used as audio; the message names the file and the cause."""
