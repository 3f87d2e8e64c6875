"""Print what the weights of conditions did to the ranks of the second reference leaderboard.

    python -m tests.support.reference_ranks

The stored EERs are of the embedded data, version 2 (track neural), under the suite `laundering`,
and older than the states of a condition. The five conditions that change nearly nothing on that
speech are therefore named here.
"""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from benchmark.leaderboard import rank_ranges, weights
from benchmark.leaderboard.ladders import starred
from benchmark.leaderboard.weights import Place
from tests.support.places import GOLDEN

TAME = (
    "mp3(kbps=128", "mp3(kbps=160", "resample(rate=22050", "resample(rate=44100", "lowpass(cutoff",
)  # fmt: skip
SEVERITY = {
    "noise": "snr", "codec": "kbps", "reverberation": "rt60", "resampling": "rate",
    "filtering": "cutoff",
}  # fmt: skip


def table() -> pd.DataFrame:
    """Return EER in per cent and rank of each detector under three rules, by the oldest."""
    cells = pd.read_csv(GOLDEN / "reference_data2_laundering.csv")
    eers = cells.pivot(index="detector", columns="condition", values="eer")
    family = cells.drop_duplicates("condition").set_index("condition")["family"]
    kept = [name for name in eers if not str(name).startswith(TAME)]
    places = [Place(starred(name, SEVERITY[family[name]]), family[name]) for name in kept]
    found = pd.DataFrame(
        {
            "old": _by_family(eers, family),
            "without five": _by_family(eers[kept], family[kept]),
            "now": eers[kept] @ weights.shares(places),
        }
    )
    ranks = found.rank().astype(int).add_prefix("rank, ")
    ranked = [
        SimpleNamespace(
            counted=[
                SimpleNamespace(place=place, eer=eer)
                for place, eer in zip(places, row, strict=True)
            ]
        )
        for row in eers[kept].to_numpy()
    ]
    ranges = rank_ranges.without_one(ranked)  # type: ignore[arg-type]
    ends = pd.Series([f"{low} to {high}" for low, high in ranges], eers.index, name="one out")
    return pd.concat([(100 * found).round(1), ranks, ends], axis=1).sort_values("old")


def _by_family(eers: pd.DataFrame, family: pd.Series) -> pd.Series:
    """Return the mean over families of the mean in each, as it was before schema 4."""
    return eers.T.groupby(family).mean().mean()


if __name__ == "__main__":
    print(table().to_string())
