"""Names of published recordings for each kind of noise; README.md has the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

# First words of the names of files, or of the folders that hold them. NOISEX-92: babble, volvo.
# QUT-NOISE: CAFE-CAFE-1, CAFE-FOODCOURTB-1, STREET-CITY-1, STREET-KG-1, CAR-WINDOWNB-1, ...
# DEMAND: PCAFETER, SCAFE, PRESTO, STRAFFIC, TCAR.
PUBLISHED: Mapping[str, tuple[str, ...]] = {
    "babble": ("babble",),
    "cafe": ("cafe", "pcafeter", "scafe", "presto"),
    "street": ("street", "straffic"),
    "volvo": ("volvo", "car", "tcar"),
}


def kind_of(path: PurePath) -> str | None:
    """Return the kind of a file below a folder of noises; None if its names match no kind.

    >>> kind_of(PurePath("QUT/CAFE-FOODCOURTB-1.wav")), kind_of(PurePath("TCAR/ch01.wav"))
    ('cafe', 'volvo')
    """
    for part in reversed(path.parts):  # the file's own name first
        match = re.match(r"[a-z]+", part.lower())
        for kind, words in PUBLISHED.items():
            if match and match.group() in words:
                return kind
    return None
