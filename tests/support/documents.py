"""What a document tells its reader to type and to save."""

from __future__ import annotations

import re

SAVED = re.compile(r"(?:Save this as|into) `(\w+\.py)`[^\n]*:\n\n```python\n(.*?)```", re.DOTALL)


def blocks(text: str, kind: str) -> list[str]:
    """Return the code blocks of a kind, such as bash."""
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[str]:
    """Return the command lines of the bash blocks, without their comments."""
    lines = [
        line.partition("    #")[0].strip()
        for block in blocks(text, "bash")
        for line in block.splitlines()
    ]
    return [line for line in lines if line]


def saved(text: str) -> dict[str, str]:
    """Return the Python files that a reader is told to save, by name."""
    return dict(SAVED.findall(text))
