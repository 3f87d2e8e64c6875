"""Noises: the bank (babble, cafe, street, volvo), recordings in wheels, files, white and pink.

The bank is built once and verified when it is opened. White and pink noise need no recording and
are generated on use.
"""

from noises.bank import (
    ABOUT,
    KINDS,
    MANIFEST,
    SHAPED,
    bank_folder,
    build,
    is_shaped,
    sound,
    use,
    using,
)
from noises.excerpts import EVALUATION, TRAINING, Excerpt, ExcerptRange, Noise, NoiseRecording
from noises.loading import is_path, open_kind, open_noise, open_path
from noises.packaged import PACKAGED
from noises.synthetic import GENERATED

__all__ = [
    "ABOUT",
    "EVALUATION",
    "GENERATED",
    "KINDS",
    "MANIFEST",
    "PACKAGED",
    "SHAPED",
    "TRAINING",
    "Excerpt",
    "ExcerptRange",
    "Noise",
    "NoiseRecording",
    "bank_folder",
    "build",
    "is_path",
    "is_shaped",
    "open_kind",
    "open_noise",
    "open_path",
    "sound",
    "use",
    "using",
]
