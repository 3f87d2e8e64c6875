"""Readers of data sets: small functions from a folder or file to the one utterance table."""

from benchmark.data.readers import asvspoof, asvspoof_laundering, corpora, generic
from benchmark.data.readers.common import Hints, Reader

# The first that finds its layout reads the data set: the marked ones before the general ones.
READERS: tuple[Reader, ...] = (
    *generic.READERS[:3],
    *asvspoof_laundering.READERS,
    *asvspoof.READERS,
)
READERS += (*corpora.READERS, *generic.READERS[3:])

__all__ = ["READERS", "Hints", "Reader"]
