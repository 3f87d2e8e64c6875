"""Sample-by-sample codecs of calls: G.711, G.722, G.726."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attacks.codecs.codec_base import LOSSES, MOST_LOSS, MOST_PASSES, one_of
from attacks.codecs.pyav_codec import SampleCoder
from attacks.contract.base import attack, choice, integer, number
from attacks.contract.spectral_distortion import Band

G726_KBPS = (16, 24, 32, 40)


@attack("g711")
@dataclass(frozen=True)
class G711(SampleCoder):
    """G.711 companding, the codec of the fixed telephone network: 64 kbit/s at 8 kHz.

    law    : mu (North America, Japan) or a (elsewhere)
    passes : generations, 1 to 10
    loss   : share of packets (20 ms) lost, 0 to 0.5. A lost packet is silent

    Eight bits per sample on a scale of ITU-T G.711. No delay. Resampled to 8 kHz and back with soxr
    HQ.
    """

    law: str = choice("mu", "mu", "a")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "itu1988g711"
    rate = 8000
    packet_samples = 160
    bits = 8
    delay = 0
    distorts: ClassVar[dict[float, Band]] = {64: (0.16, 1.36)}

    @property
    def encoder(self) -> str:
        return "pcm_mulaw" if self.law == "mu" else "pcm_alaw"

    @property
    def decoder(self) -> str:
        return self.encoder


@attack("g722")
@dataclass(frozen=True)
class G722(SampleCoder):
    """G.722 sub-band ADPCM, the codec of wide-band office telephones: 64 kbit/s at 16 kHz.

    passes : generations, 1 to 10
    loss   : share of packets (20 ms) lost, 0 to 0.5. A lost packet is silent; the decoder keeps its
             state until the next one

    Delay removed: 22 samples of the two quadrature mirror filters with 24 taps each.
    """

    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "itu2012g722"
    encoder = "g722"
    decoder = "g722"
    packet_samples = 320
    bits = 4  # a byte holds two samples
    delay = 22
    tail = 22
    distorts: ClassVar[dict[float, Band]] = {64: (0.16, 0.58)}


@attack("g726")
@dataclass(frozen=True)
class G726(SampleCoder):
    """G.726 ADPCM, the codec of cordless (DECT) telephones and multiplexers, at 8 kHz.

    kbps   : 16, 24, 32 or 40
    passes : generations, 1 to 10
    loss   : share of packets (20 ms) lost, 0 to 0.5. A lost packet is silent; the decoder keeps its
             state until the next one

    Two to five bits per sample. No delay. Resampled to 8 kHz and back with soxr HQ.
    """

    kbps: int = integer(32, low=1, high=1000, unit="kbit/s")
    passes: int = integer(1, low=1, high=MOST_PASSES, unit="passes")
    loss: float = number(0.0, low=0.0, high=MOST_LOSS, unit="share of packets")

    severity = LOSSES
    citation = "itu1990g726"
    encoder = "g726"
    decoder = "g726"
    rate = 8000
    packet_samples = 160
    delay = 0
    distorts: ClassVar[dict[float, Band]] = {16: (1.71, 3.84), 32: (0.56, 1.6), 40: (0.3, 1.5)}

    def validate(self) -> None:
        one_of(self.name, self.kbps, G726_KBPS, "is not a bit rate of G.726, which ends at 40")

    @property
    def bits(self) -> int:
        return self.kbps // 8

    @property
    def bit_rate(self) -> int:
        return self.kbps * 1000

    @property
    def decoder_options(self) -> dict[str, str]:
        return {"bits_per_coded_sample": str(self.bits)}
