"""The noise bank: babble, cafe, street and volvo at 16 kHz, built once, verified when opened.

White noise needs no recording and is generated where it is used.
"""

from noises.bank import (
    FOLDER_VARIABLE,
    KINDS,
    MANIFEST,
    Noise,
    bank_folder,
    build,
    open_kind,
    sound,
)

__all__ = [
    "FOLDER_VARIABLE",
    "KINDS",
    "MANIFEST",
    "Noise",
    "bank_folder",
    "build",
    "open_kind",
    "sound",
]
