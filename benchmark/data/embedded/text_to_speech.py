"""Text-to-speech: ready-made Tortoise clips; Kokoro and hibari, which read our own sentences."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.assets.wheel_catalog import KOKORO_PARTS, KOKORO_VOICES, TORTOISE
from benchmark.assets.wheels import member, members
from benchmark.audio.reader import Wave, resample
from benchmark.data.embedded.human_speech import decode
from benchmark.data.embedded.matching import coded
from benchmark.data.embedded.voice_activity import SEGMENT, best_start
from benchmark.synthesis.systems import (
    HIBARI,
    KOKORO,
    KOKORO_MEMBERS,
    KOKORO_STYLES,
    KOKORO_TABLE,
    TORTOISE_TTS,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ENGINE_RATE = 24000
TORTOISE_FOLDER = "ttsdb_tortoise/_vendor/source/examples/various/"
TORTOISE_SPLIT = {  # voice -> split; the wheel's other voices imitate celebrities
    "train_atkins": "train",
    "train_dotrice": "train",
    "train_kennard": "train",
    "grace_train": "dev",
    "lj": "test",
    "myself": "test",
}
TORTOISE_TEXTS = {
    "train": (0, 10),
    "dev": (10, 14),
    "test": (14, 20),
}  # ranges of the sorted folders
KOKORO_SPLIT = {
    "jf_alpha": "train",
    "jf_gongitsune": "train",
    "jf_nezumi": "dev",
    "jf_tebukuro": "test",
    "jm_kumo": "test",
}
SENTENCES = {"train": (0, 30), "dev": (30, 38), "test": (38, 50)}  # lines of sentences.txt
LEAST_SHARE = 0.5  # of active frames in synthesised speech: some voices pause after every word
HIBARI_VOICE = "heart"  # the only voice: used in test only
KBPS = 192.0  # of the MP3 file that new speech goes through; the ready-made clips are MP3 already


@dataclass(frozen=True)
class SpeechRequest:
    """One TTS utterance: its system, voice, split, and the source of its text."""

    utterance_id: str
    system: str
    voice: str
    split: str
    source: str
    text: str  # the text to speak, or for ready-made clips the name of the file in the wheel


def requests(wheels: Path, left_out: tuple[str, ...]) -> list[SpeechRequest]:
    """Return every TTS utterance of the data set; splits share no voice and no text."""
    makers = {TORTOISE_TTS.name: _tortoise(wheels), KOKORO.name: _kokoro(), HIBARI.name: _hibari()}
    return [r for system, made in makers.items() if system not in left_out for r in made]


def speak(request: SpeechRequest, wheels: Path) -> Wave:
    """Synthesise the utterance and return its 4 s with the most speech: float32 (T,), 16 kHz.

    Raises ValueError if there are less than 4 s of speech; `requests` has no such utterance.
    """
    if request.system == TORTOISE_TTS.name:
        wave = decode(member(TORTOISE, request.text, wheels))
    elif request.system == KOKORO.name:
        wave = coded(resample(_speak_kokoro(request, wheels), ENGINE_RATE), KBPS)
    else:
        wave = coded(resample(_hibari_engine()(request.text, seed=0), ENGINE_RATE), KBPS)
    start = best_start(wave, LEAST_SHARE)
    if start is None:
        raise ValueError(f"{request.utterance_id}: less than 4 s of speech in {wave.size} samples")
    return wave[start : start + SEGMENT]


def sentences(split: str) -> list[str]:
    """Return the sentences of `split`."""
    text = resources.files(__package__).joinpath("sentences.txt").read_text(encoding="utf-8")
    first, end = SENTENCES[split]
    return text.splitlines()[first:end]


def _tortoise(wheels: Path) -> Iterator[SpeechRequest]:
    clips = [name for name in members(TORTOISE, wheels) if name.startswith(TORTOISE_FOLDER)]
    texts = sorted({name.split("/")[-2] for name in clips})
    for name in clips:
        text, file = name.split("/")[-2:]
        voice = file.removesuffix(".mp3")
        split = TORTOISE_SPLIT.get(voice, "")
        number = texts.index(text)
        if not split or number not in range(*TORTOISE_TEXTS[split]):
            continue
        if best_start(decode(member(TORTOISE, name, wheels))) is not None:
            uid = f"tortoise-{voice.replace('_', '-')}-{number:02d}"
            yield SpeechRequest(uid, TORTOISE_TTS.name, f"tortoise-{voice}", split, text, name)


def _kokoro() -> Iterator[SpeechRequest]:
    """Yield the Kokoro utterances; the voices of a split take turns, one voice per sentence."""
    for split in SENTENCES:
        voices = [voice for voice, where in KOKORO_SPLIT.items() if where == split]
        first = SENTENCES[split][0]
        for number, text in enumerate(sentences(split)):
            voice = voices[number % len(voices)]
            uid = f"kokoro-{voice.replace('_', '-')}-{first + number:02d}"
            source = f"sentence-{first + number:02d}"
            yield SpeechRequest(uid, KOKORO.name, f"kokoro-{voice}", split, source, text)


def _hibari() -> Iterator[SpeechRequest]:
    first = SENTENCES["test"][0]
    for number, text in enumerate(sentences("test"), start=first):
        uid, source = f"hibari-{HIBARI_VOICE}-{number:02d}", f"sentence-{number:02d}"
        yield SpeechRequest(uid, HIBARI.name, f"hibari-{HIBARI_VOICE}", "test", source, text)


@functools.lru_cache(maxsize=1)
def _hibari_engine() -> Any:
    from hibari import Hibari  # an optional engine

    return Hibari(voice=HIBARI_VOICE, threads=1)


def _speak_kokoro(request: SpeechRequest, wheels: Path) -> Wave:
    session, vocabulary, voices = _kokoro_engine(wheels)
    phonemes = " ".join(_hibari_engine().phonemize(request.text))
    tokens = [vocabulary[symbol] for symbol in phonemes if symbol in vocabulary]
    styles = voices[request.voice.removeprefix("kokoro-")]
    style = styles[min(len(tokens), len(styles)) - 1].reshape(1, -1).astype(np.float32)
    inputs = {
        "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
        "style": style,
        "speed": np.ones(1, dtype=np.float32),
    }
    return np.asarray(session.run(None, inputs)[0], dtype=np.float32).reshape(-1)


@functools.lru_cache(maxsize=1)
def _kokoro_engine(
    wheels: Path,
) -> tuple[InferenceSession, dict[str, int], dict[str, np.ndarray]]:
    """Return session, phoneme table and voices; the four model parts are joined in memory."""
    import onnxruntime  # an optional engine

    model = b"".join(
        member(wheel, part, wheels)
        for wheel, part in zip(KOKORO_PARTS, KOKORO_MEMBERS, strict=True)
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    table = json.loads(member(KOKORO_VOICES, KOKORO_TABLE, wheels))
    archive = member(KOKORO_VOICES, KOKORO_STYLES, wheels)
    with np.load(io.BytesIO(archive), allow_pickle=False) as voices:
        return session, table["vocab"], {name: voices[name] for name in voices.files}
