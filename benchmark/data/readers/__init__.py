"""Readers of data sets: small functions from a folder or file to the utterance table."""

from benchmark.data.readers import asvspoof, asvspoof_laundering, corpora, generic
from benchmark.data.readers.common import Hints, Reader

# The first reader that finds its layout reads the data set: specific layouts before general ones.
READERS: tuple[Reader, ...] = (
    *generic.MARKED,
    *asvspoof_laundering.READERS,
    *asvspoof.READERS,
    *corpora.READERS,
    *generic.GENERAL,
)

__all__ = ["READERS", "Hints", "Reader"]
