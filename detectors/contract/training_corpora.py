"""The corpora that published weights were trained on, and which data sets belong to them.

A corpus goes by the name that its reader gives it (`launderbench list layouts`). It stands with the
part of it that the training used: `train`, or `all` if trials for evaluation are among it.
"""

from __future__ import annotations

from collections.abc import Mapping

ASVSPOOF2019_LA: Mapping[str, str] = {"asvspoof2019-la": "train"}
ASVSPOOF5: Mapping[str, str] = {"asvspoof5": "train"}
MADE_OF = {"asvspoof-laundering": "asvspoof2019-la"}  # data sets with the recordings of another


def overlap(data: str, trained_on: Mapping[str, str]) -> str:
    """Return `corpus:part` of a training to which the data set `data` belongs; '' if it is in none.

    >>> overlap("asvspoof-laundering", ASVSPOOF2019_LA)
    'asvspoof2019-la:train'
    """
    corpus = MADE_OF.get(data, data)
    part = trained_on.get(corpus, "")
    return f"{corpus}:{part}" if part else ""
