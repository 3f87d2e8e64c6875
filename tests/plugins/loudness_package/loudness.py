"""A detector in an installed package: the louder, the more bona fide."""

import numpy as np

from launderbench import WaveDetector, detector


@detector("loudness")
class Loudness(WaveDetector):
    """The level of the whole wave in dB; nothing is learnt."""

    summary = "level of the wave"

    def fit(self, waves, bonafide, seed):
        return {"floor": np.full(1, 1e-10, np.float32)}

    def score(self, waves, state):
        power = np.array([np.square(wave).mean() for wave in waves], np.float32)
        return 10 * np.log10(power + state["floor"])
