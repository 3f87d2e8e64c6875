"""The telephone band."""

from __future__ import annotations

from dataclasses import dataclass

from attacks.contract.base import Severity, attack, number
from attacks.filters.linear_phase import BandDesign, BandFilter

TRANSITION_HZ = 200.0


@attack("telephone")
@dataclass(frozen=True)
class Telephone(BandFilter):
    """Telephone band: passes `low` to `high` (300 to 3,400 Hz by default) and stops the rest.

    low  : Hz, 250 to 600
    high : Hz, 1500 to 7600; 3400 is narrow-band telephony, 7000 wide-band

    Both edges lie inside the pass band, which is flat within 0.01 dB. From 200 Hz beyond the edges
    on, everything is attenuated by at least 60 dB. The default band is that of ITU-T G.712 for PCM
    channels. The limits of G.712 allow a real channel more: ripple in the band, slower slopes
    outside. The attack is the band alone: chain a codec for the companding.
    """

    low: float = number(300.0, low=250.0, high=600.0, unit="Hz")
    high: float = number(3400.0, low=1500.0, high=7600.0, unit="Hz")

    family = "channel"
    severity = Severity("high", "Hz", (7000.0, 5000.0, 3400.0, 2700.0, 2000.0))

    @property
    def design(self) -> BandDesign:
        half = TRANSITION_HZ / 2
        return BandDesign((self.low - half, self.high + half), TRANSITION_HZ, low_passes=False)
