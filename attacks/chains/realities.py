"""Named realities: what a recording passes on the way through one service, step by step.

A reality has no parameters. Every step says where its values come from; `GUESS` marks those that
no source states. They are in no published study, and services change: cite the version.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from attacks.chains.stochastic import Composite
from attacks.contract.base import Attack, attack
from attacks.contract.condition import parse

GUESS = "a guess"
PHONE = f"{GUESS}: unevenness of a phone's microphone"
NARROW_LINK = "ITU-T G.711, A-law, the national network behind a mobile call"


@dataclass(frozen=True)
class Passage:
    """One step of a reality, and the source of its values."""

    spelling: str
    source: str

    @property
    def guessed(self) -> bool:
        """True if no source states the values."""
        return self.source.startswith(GUESS)


@dataclass(frozen=True)
class Reality(Composite):
    """Base of the realities: a fixed chain whose every step names its source."""

    family = "reality"
    measures = "what each step claims"
    citation = ""
    passages: ClassVar[tuple[Passage, ...]]

    def parts(self, rng: np.random.Generator) -> tuple[Attack, ...]:
        return self.examples()

    def examples(self) -> tuple[Attack, ...]:
        return tuple(part for passage in self.passages for part in _steps(passage.spelling))


@lru_cache(maxsize=256)
def _steps(spelling: str) -> tuple[Attack, ...]:
    return parse(spelling).steps


@attack("whatsapp_voice_note")
@dataclass(frozen=True)
class WhatsAppVoiceNote(Reality):
    """A voice message of WhatsApp: a phone's microphone, Opus in mono at 16 kHz."""

    passages = (
        Passage("microphone(kind=phone, depth=6)", PHONE),
        Passage(
            "opus(kbps=16)",
            f"{GUESS} of the bit rate; codec and mono from WhatsApp's documentation of its"
            " Business platform, media types, audio/ogg with Opus",
        ),
    )


@attack("telegram_voice")
@dataclass(frozen=True)
class TelegramVoice(Reality):
    """A voice message of Telegram: a phone's microphone, Opus."""

    passages = (
        Passage("microphone(kind=phone, depth=6)", PHONE),
        Passage(
            "opus(kbps=32)",
            f"{GUESS} of the bit rate; codec from Telegram's Bot API, sendVoice: OGG with Opus",
        ),
    )


@attack("youtube_upload")
@dataclass(frozen=True)
class YouTubeUpload(Reality):
    """A clip uploaded to YouTube and played from there: AAC from the editor, Opus from the site."""

    passages = (
        Passage(
            "aac(kbps=96)",
            "YouTube Help, recommended upload encoding: AAC-LC, 128 kbit/s for mono; 96 is the"
            " most that AAC has at 16 kHz",
        ),
        Passage("opus(kbps=64)", f"{GUESS} of the share of one channel in a stereo stream"),
    )


@attack("tiktok_upload")
@dataclass(frozen=True)
class TikTokUpload(Reality):
    """A clip edited on a phone and uploaded to TikTok: compressed, loud, AAC twice."""

    passages = (
        Passage("compression(ratio=4, depth=24)", f"{GUESS}: the editor's voice preset"),
        Passage("aac(kbps=64)", f"{GUESS}: the editor's export"),
        Passage("aac(kbps=48)", f"{GUESS}: what the service makes of it"),
    )


@attack("zoom_call")
@dataclass(frozen=True)
class ZoomCall(Reality):
    """A meeting over the Internet: noise suppression, gain control, Opus with losses."""

    passages = (
        Passage("webrtc_ns(level=2)", f"{GUESS}: on by default, its method is not published"),
        Passage("webrtc_agc", f"{GUESS}: on by default, its method is not published"),
        Passage("opus(kbps=24, loss=0.02)", f"{GUESS} of bit rate and loss"),
    )


@attack("gsm_call")
@dataclass(frozen=True)
class GsmCall(Reality):
    """A call over GSM: the telephone band, AMR at 12.2 kbit/s, a fixed link."""

    passages = (
        Passage("telephone(low=300, high=3400)", "ITU-T G.712, the band of a telephone channel"),
        Passage(
            "amr_nb(kbps=12.2, loss=0.01)",
            "mode: Sauter, From GSM to LTE-Advanced Pro and 5G, 2021, networks' usual limit; loss:"
            " 3GPP TS 22.105, frame erasures of conversational voice below 3 %",
        ),
        Passage("g711(law=a)", NARROW_LINK),
    )


@attack("volte_call")
@dataclass(frozen=True)
class VolteCall(Reality):
    """A call over LTE: a phone's microphone, AMR-WB at 12.65 kbit/s with losses."""

    passages = (
        Passage("microphone(kind=phone, depth=6)", PHONE),
        Passage(
            "amr_wb(kbps=12.65, loss=0.01)",
            "mode: Sauter, From GSM to LTE-Advanced Pro and 5G, 2021, networks' usual limit; loss:"
            " 3GPP TS 23.203, 1 % of packets for conversational voice (QCI 1)",
        ),
    )


@attack("bluetooth_headset")
@dataclass(frozen=True)
class BluetoothHeadset(Reality):
    """A call over a Bluetooth headset: its microphone, mSBC, then AMR-WB of the phone."""

    passages = (
        Passage("microphone(kind=headset, depth=6)", f"{GUESS}: unevenness of the microphone"),
        Passage("msbc", "Bluetooth Hands-Free Profile 1.6: 57 bytes in 7.5 ms"),
        Passage(
            "amr_wb(kbps=12.65)",
            "Sauter, From GSM to LTE-Advanced Pro and 5G, 2021: networks' usual limit",
        ),
    )


@attack("podcast_master")
@dataclass(frozen=True)
class PodcastMaster(Reality):
    """An edited podcast: cleaned, compressed, at -16 LUFS, MP3 in mono."""

    passages = (
        Passage("highpass(cutoff=80)", f"{GUESS}: a usual first step"),
        Passage("denoise(strength=0.6)", GUESS),
        Passage("compression(ratio=2, depth=24)", GUESS),
        Passage(
            'filter(graph="loudnorm=I=-16:TP=-1")',
            "Apple Podcasts for Creators, audio requirements: -16 LKFS, true peak at most -1 dB",
        ),
        Passage("mp3(kbps=64)", f"{GUESS}: a usual rate for speech in mono"),
    )
