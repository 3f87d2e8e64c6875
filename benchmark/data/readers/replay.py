"""Corpora of speech that was played by a loudspeaker and recorded again: ReplayDF and EchoFake.

They call different things bona fide: in ReplayDF played human speech is bona fide, in EchoFake it
is spoof, as the authors score it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.data.protocol import Protocol
from benchmark.data.readers import hub
from benchmark.data.readers.common import Hints, Reader, audio_below, protocol
from benchmark.data.readers.hub_files import shards
from benchmark.data.readers.tree import places

_DEVICES = re.compile(r"[0-9a-f]{8,}")  # a folder for each pair of devices
_CLASSES = {"benign": "bonafide", "spoof": "spoof"}
# EchoFake's four classes; the authors' detectors score all but the first as spoof.
_ECHOFAKE = {
    "bonafide": "bonafide",
    "replay_bonafide": "spoof",
    "fake": "spoof",
    "replay_fake": "spoof",
}
_EVALUATIONS = ("closed_set_eval", "open_set_eval")


def _devices(root: Path) -> list[Path]:
    """Return the folders wav/DEVICES that have benign/ and spoof/."""
    bases = places(root, "wav/*/benign") or sorted(root.glob("*/benign"))
    folders = (base.parent for base in bases)
    return [f for f in folders if _DEVICES.fullmatch(f.name) and (f / "spoof").is_dir()]


def _replaydf(root: Path, hints: Hints) -> Protocol | None:
    """Read ReplayDF: wav/DEVICES/benign/LANG/* and wav/DEVICES/spoof/MODEL/LANG/*.

    Müller et al., "Replay Attacks Against Audio Deepfake Detection", Interspeech 2025, as released
    in 2025 (huggingface.co/datasets/mueller91/ReplayDF). Each folder of DEVICES is one loudspeaker
    with one microphone. The class comes from the folders: some meta.csv of the release lie in the
    folder of other devices.
    """
    rows = []
    for folder in _devices(root):
        for name, label in _CLASSES.items():
            for file in audio_below(folder / name):
                inside = file.relative_to(folder / name).parts
                system = inside[0] if label == "spoof" and len(inside) > 1 else "-"
                language = inside[-2] if len(inside) > (2 if label == "spoof" else 1) else "-"
                path = file.relative_to(root).as_posix()
                rows.append((path, path, label, system, language, folder.name))
    if not rows:
        return None
    columns = ["utterance_id", "path", "label", "spoof_system", "language", "devices"]
    return protocol("replaydf", root, pd.DataFrame(rows, columns=columns), root)


def _echofake(root: Path, hints: Hints) -> Protocol | None:
    """Read EchoFake: Parquet or Arrow files of Hugging Face datasets, with four classes.

    Zhang, Huang, Ren, "EchoFake: A Replay-Aware Dataset for Practical Speech Deepfake Detection",
    ICASSP 2026, as released in 2025 (huggingface.co/datasets/EchoFake/EchoFake): splits train, dev,
    closed_set_eval and open_set_eval, both for testing; the audio is in the column path.
    """
    if not {shard.split for shard in shards(root)} & set(_EVALUATIONS):
        return None
    words = dict(hints.labels or _ECHOFAKE)
    data = hub.read(root, replace(hints, labels=words), "echofake")
    if data is None:
        return None
    table = data.table
    replayed = table["label_word"].str.startswith("replay")
    model = table.get("synthesis_details.model", pd.Series("-", index=table.index))
    system = model.where(model != "-", "replay").where(table["label"] == "spoof", "-")
    return replace(
        data,
        table=table.assign(
            spoof_system=system,
            replayed=replayed.map({True: "replayed", False: "direct"}),
            speaker=table.get("source_speaker_id", table["speaker"]),
        ),
    )


READERS = (
    Reader("replaydf", _replaydf, _devices),
    Reader("echofake", _echofake, elsewhere=True),
)
