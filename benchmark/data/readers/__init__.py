"""Readers of data sets: small functions from a folder or file to the utterance table."""

from benchmark.data.readers import (
    asvspoof,
    asvspoof_laundering,
    audiofolder,
    codecfake,
    corpora,
    deepfake_eval,
    folders,
    generic,
    hub,
    mlaad,
    replay,
    spoofceleb,
)
from benchmark.data.readers.common import Hints, Reader

# The first reader that finds its layout reads the data set: specific layouts before general ones.
READERS: tuple[Reader, ...] = (
    *generic.READERS,
    *asvspoof_laundering.READERS,
    *asvspoof.READERS,
    *corpora.READERS,
    *mlaad.READERS,
    *spoofceleb.READERS,
    *codecfake.READERS,
    *deepfake_eval.READERS,
    *replay.READERS,
    *hub.READERS,
    *audiofolder.READERS,
    *folders.READERS,
)

__all__ = ["READERS", "Hints", "Reader"]
