"""A compact model of real scores: seven published systems on ASVspoof 2019 LA eval.

The numbers were fitted to the per-trial scores that are published in the repository
hashim19/Rob-Eval-Antispoofing (71,237 trials, 67 speakers). Scores are on the scale on which all
bona fide scores of a system are standard normal, which changes no ROC. On it, bona fide trials of
one speaker share an offset. Spoofs are a mixture of two normal distributions: of the two spoof
systems that the detector finds hardest (15 % of the spoofs), and of all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

HARD = 0.15  # share of the spoofs that two of the thirteen spoof systems made


@dataclass(frozen=True)
class System:
    """Score distributions of one system, in standard deviations of its bona fide scores.

    offset               : standard deviation of a speaker's bona fide offset
    spoof_offset         : the same of spoofs
    easy, hard           : means of the two kinds of spoofs
    easy_spread, hard_spread : their standard deviations, with the offset
    """

    offset: float
    spoof_offset: float
    easy: float
    easy_spread: float
    hard: float
    hard_spread: float

    def rates(self, threshold: float, shift: float) -> tuple[float, float]:
        """Return FRR and FAR at a threshold if spoofs are moved up by `shift`."""
        easy = ndtr((self.easy + shift - threshold) / self.easy_spread)
        hard = ndtr((self.hard + shift - threshold) / self.hard_spread)
        return float(ndtr(threshold)), float((1 - HARD) * easy + HARD * hard)

    def shift_to(self, eer: float) -> float:
        """Return how far the spoofs must move up to give an EER, a share in (0, 0.5)."""
        threshold = _normal_quantile(eer)

        def excess(shift: float) -> float:
            return self.rates(threshold, shift)[1] - eer

        return float(brentq(excess, -20.0, 20.0))


def _normal_quantile(share: float) -> float:
    return float(brentq(lambda x: ndtr(x) - share, -10.0, 10.0))


SYSTEMS = {
    "lfcc-softmax": System(0.53, 0.27, -3.82, 0.73, -2.05, 1.05),
    "lfcc-amsoftmax": System(0.45, 0.14, -3.53, 0.33, -2.50, 0.95),
    "lfcc-ocsoftmax": System(0.28, 0.10, -3.05, 0.15, -2.64, 0.67),
    "rawgat-add": System(0.51, 0.10, -2.88, 0.15, -2.63, 0.27),
    "rawgat-cat": System(0.59, 0.13, -2.98, 0.20, -2.78, 0.36),
    "rawgat-mul": System(0.48, 0.20, -3.53, 0.37, -2.92, 0.43),
    "rawnet2": System(0.55, 0.31, -3.82, 0.65, -1.86, 1.19),
}
# correlation of two systems' scores within a class, mean of both classes, in the order above
CORRELATION = np.array(
    [
        [1.00, 0.28, 0.41, 0.15, 0.09, 0.16, 0.06],
        [0.28, 1.00, 0.40, 0.16, 0.19, 0.21, 0.16],
        [0.41, 0.40, 1.00, 0.09, 0.04, 0.16, 0.13],
        [0.15, 0.16, 0.09, 1.00, 0.65, 0.63, 0.42],
        [0.09, 0.19, 0.04, 0.65, 1.00, 0.62, 0.39],
        [0.16, 0.21, 0.16, 0.63, 0.62, 1.00, 0.45],
        [0.06, 0.16, 0.13, 0.42, 0.39, 0.45, 1.00],
    ]
)


@dataclass(frozen=True)
class Trials:
    """Scores of several systems on the same trials.

    scores   : (systems, n); higher = more bona fide
    bonafide : (n,)
    cluster  : (n,), number of each trial's speaker
    """

    scores: np.ndarray
    bonafide: np.ndarray
    cluster: np.ndarray


def drawn(
    rng: np.random.Generator,
    names: list[str],
    eers: list[float],
    speakers: int,
    per_speaker: tuple[int, int],
    correlation: np.ndarray | None = None,
) -> Trials:
    """Draw trials of speakers who all have the same number of bona fide and of spoof trials.

    names, eers : systems, and the EER to which the spoofs of each are moved
    per_speaker : bona fide and spoof trials of a speaker
    correlation : (systems, systems), of their scores within a class; by default the fitted one
    """
    places = [list(SYSTEMS).index(name) for name in names]
    if correlation is None:
        correlation = CORRELATION[np.ix_(places, places)]
    root = np.linalg.cholesky(correlation + 1e-9 * np.eye(len(names)))
    bonafide = np.tile(np.repeat([True, False], per_speaker), speakers)
    cluster = np.repeat(np.arange(speakers), sum(per_speaker))
    noise = root @ rng.normal(size=(len(names), bonafide.size))
    bona_offset, spoof_offset = (root @ rng.normal(size=(len(names), speakers)) for _ in range(2))
    hard = rng.random(bonafide.size) < HARD
    scores = np.empty_like(noise)
    for row, (name, eer) in enumerate(zip(names, eers, strict=True)):
        system = SYSTEMS[name]
        offset = np.where(bonafide, system.offset * bona_offset[row][cluster], 0.0)
        offset += np.where(bonafide, 0.0, system.spoof_offset * spoof_offset[row][cluster])
        spread = np.where(hard, system.hard_spread, system.easy_spread)
        own = np.where(bonafide, system.offset, system.spoof_offset)
        within = np.sqrt(np.maximum(np.where(bonafide, 1.0, spread) ** 2 - own**2, 0.0))
        mean = np.where(hard, system.hard, system.easy) + system.shift_to(eer)
        scores[row] = np.where(bonafide, 0.0, mean) + offset + within * noise[row]
    return Trials(scores, bonafide, cluster)
