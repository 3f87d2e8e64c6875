"""Named pipelines: chains of attacks that recordings pass in practice.

Each has three stages, as in the published study of laundering depth
(github.com/MahadevBalla/signal-laundering-deepfake), the source of network, media and physical.
There, depth is the number of stages passed, counted from the first. Its low, medium and high
strengths are 2, 3 and 4 here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from attacks.chains.stochastic import Composite
from attacks.contract.base import Attack, Check, Facts, Severity, Wave, attack, integer
from attacks.contract.condition import parse
from attacks.contract.launder import residual

STAGES = 3
STRENGTHS = (1, 2, 3, 4, 5)
SAME_DB = -199.0  # the residual of equal samples is -200

# A stage: a spelling with placeholders, and the values of each from mild to severe.
Stage = tuple[str, tuple[tuple[float, ...], ...]]


@dataclass(frozen=True)
class Pipeline(Composite):
    """Base of the pipelines: three stages in a row, of which the first `depth` are passed.

    depth    : stages passed, 0 to 3. At 0 the utterance stays unchanged, and this is measured: it
               is the first point of curves over depth
    strength : 1 to 5, mild to severe; sets the parameters of every stage

    No draw uses either parameter, so the pipeline of a smaller depth is the beginning of a deeper
    one.
    """

    depth: int = integer(STAGES, low=0, high=STAGES, unit="stages")
    strength: int = integer(3, low=STRENGTHS[0], high=STRENGTHS[-1], unit="level")

    family = "pipeline"
    severity = Severity("strength", "level", STRENGTHS)
    stages: ClassVar[tuple[Stage, ...]]

    @property
    def near_identity(self) -> bool:
        return self.depth == 0

    def parts(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        return self.examples()

    def examples(self) -> tuple[Attack, ...]:
        stages = self.stages[: self.depth]
        return tuple(part for stage in stages for part in _at(stage, self.strength))

    def steps(self, rng: np.random.Generator) -> tuple[Attack, ...] | None:
        return super().steps(rng) or None

    def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
        return wave.copy()  # depth 0 only; other depths run step by step

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        return [Check.at_most("change", "dB", SAME_DB, residual(before, after))]


@lru_cache(maxsize=256)
def _at(stage: Stage, strength: int) -> tuple[Attack, ...]:
    spelling, ladders = stage
    return parse(spelling.format(*(f"{ladder[strength - 1]:g}" for ladder in ladders))).steps


@attack("network")
@dataclass(frozen=True)
class NetworkPipeline(Pipeline):
    """Pipeline of an Internet call: Opus; packet loss and a 3.4 kHz band; street noise."""

    citation = "balla_laundering"
    stages = (
        ("opus(kbps={})", ((48, 32, 24, 12, 8),)),
        (
            "packet_loss(loss={}, burst=1, concealment=zero) | lowpass(cutoff=3400)",
            ((0.005, 0.01, 0.05, 0.1, 0.2),),
        ),
        ("noise(kind=street, snr={})", ((30, 20, 10, 0, -5),)),
    )


@attack("media")
@dataclass(frozen=True)
class Media(Pipeline):
    """Pipeline of platforms that compress uploads: MP3; AAC; Opus."""

    citation = "balla_laundering"
    stages = (
        ("mp3(kbps={})", ((64, 48, 32, 16, 8),)),
        ("aac(kbps={})", ((64, 48, 32, 16, 12),)),
        ("opus(kbps={})", ((64, 48, 32, 16, 8),)),
    )


@attack("physical")
@dataclass(frozen=True)
class Physical(Pipeline):
    """Pipeline of playback and recording: a loudspeaker's band; a room; cafe noise.

    The published microphone's 80 Hz high-pass is left out. It lies below the loudspeaker's band,
    which ends at 150 Hz, and would remove nothing.
    """

    citation = "balla_laundering"
    stages = (
        ("bandpass(low=150, high=7000)", ()),
        ("reverberation(rt60={})", ((0.2, 0.3, 0.6, 0.9, 1.5),)),
        ("noise(kind=cafe, snr={})", ((30, 20, 10, 0, -5),)),
    )


@attack("phone_call")
@dataclass(frozen=True)
class PhoneCall(Pipeline):
    """Pipeline of a mobile call: street noise; the telephone band and AMR; a G.711 link."""

    stages = (
        ("noise(kind=street, snr={})", ((30, 25, 20, 15, 10),)),
        (
            "telephone | amr_nb(kbps={}, loss={})",
            ((12.2, 10.2, 7.4, 5.9, 4.75), (0, 0.005, 0.01, 0.03, 0.05)),
        ),
        ("g711(law=a, loss={})", ((0, 0.01, 0.03, 0.05, 0.1),)),
    )


@attack("social_media_upload")
@dataclass(frozen=True)
class SocialMediaUpload(Pipeline):
    """Pipeline of a shared clip: edited and saved as AAC; transcoded; uploaded again."""

    stages = (
        (
            "compression(ratio={}) | aac(kbps={})",
            ((1.5, 2, 4, 8, 20), (64, 56, 48, 40, 32)),
        ),
        ("opus(kbps={})", ((48, 32, 24, 16, 10),)),
        (
            "resample(rate={}) | mp3(kbps={})",
            ((14000, 14000, 12000, 11025, 8000), (64, 48, 32, 24, 16)),
        ),
    )


@attack("voice_note")
@dataclass(frozen=True)
class VoiceNote(Pipeline):
    """Pipeline of a voice message: a phone's microphone; Opus; forwarded as AAC."""

    stages = (
        ("microphone(depth={})", ((3, 6, 10, 15, 20),)),
        ("opus(kbps={})", ((32, 24, 16, 12, 8),)),
        ("aac(kbps={})", ((48, 40, 32, 24, 16),)),
    )


@attack("smart_speaker")
@dataclass(frozen=True)
class SmartSpeaker(Pipeline):
    """Pipeline of a device across the room: reverberation; babble; the device's own processing."""

    stages = (
        ("reverberation(rt60={})", ((0.2, 0.3, 0.5, 0.7, 1.0),)),
        ("noise(kind=babble, snr={})", ((30, 25, 20, 15, 10),)),
        (
            "denoise(strength={}) | agc(gain={}) | opus(kbps={})",
            ((0.2, 0.35, 0.5, 0.65, 0.8), (3, 6, 9, 12, 18), (64, 48, 32, 24, 16)),
        ),
    )
