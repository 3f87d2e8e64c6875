"""Readers of single corpora with a folder layout or a metadata file of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.audio.endings import is_audio
from benchmark.core.errors import InputError
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import (
    Hints,
    Reader,
    class_of,
    locate,
    protocol,
    split_of,
    table_of,
    walk,
)

_REAL_LJ = ("LJSpeech-1.1/wavs", "LJSpeech/wavs", "ljspeech/wavs", "wavs")
_WAVEFAKE_CORPORA = ("ljspeech", "jsut")
_VOCODERS = ("diffwave", "melgan", "parallel_wave_gan", "wavegrad", "wavenet", "wavernn")


def _in_the_wild(root: Path, hints: Hints) -> Protocol | None:
    """Read In-the-Wild (Müller et al. 2022): meta.csv with file, speaker and label."""
    file = locate(root, "meta.csv")
    if file is None:
        return None
    table = table_of(file, ",")
    if list(table.columns) != ["file", "speaker", "label"]:
        return None
    folder = file.parent.relative_to(root)
    table["path"] = [(folder / name).as_posix() for name in table["file"]]
    table["utterance_id"] = [name.rsplit(".", 1)[0] for name in table["file"]]
    table["label"] = class_of(table["label"], file)
    return protocol("in-the-wild", root, table.drop(columns="file"), file)


def _fake_or_real(root: Path, hints: Hints) -> Protocol | None:
    """Read Fake-or-Real (Reimao and Tzerpos 2019).

    Each variant has the folders {training,validation,testing}/{real,fake}.
    """
    levels = ((root,), sorted(root.glob("for-*")), sorted(root.glob("for-*/for-*")))
    found = [folder for level in levels for folder in level if _is_variant(folder)]
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(str(p.relative_to(root)) for p in found)
        raise InputError(
            f"{root} holds several variants of Fake-or-Real ({names}): give the folder of one"
        )
    rows = [
        (_relative(file, root), split, word)
        for split in ("training", "validation", "testing")
        for word in ("real", "fake")
        for file in _audio(found[0] / split / word)
    ]
    table = pd.DataFrame(rows, columns=["path", "split", "label"])
    table["label"] = class_of(table["label"], found[0])
    table["split"] = split_of(table["split"])
    table["utterance_id"] = table["path"]
    return protocol(found[0].name, root, table, found[0])


def _is_variant(folder: Path) -> bool:
    return (folder / "training" / "real").is_dir() and (folder / "testing").is_dir()


def _wavefake(root: Path, hints: Hints) -> Protocol | None:
    """Read WaveFake (Frank and Schönherr 2021): generated_audio/CORPUS_VOCODER/*.

    LJ Speech provides the bona fide utterances. One folder holds text-to-speech instead of copy
    synthesis; its spoof system is the name of the whole folder.
    """
    fakes = locate(root, "generated_audio")
    if fakes is None:
        return None
    real = locate(root, *_REAL_LJ)
    if real is None:
        raise InputError(
            f"{root}: WaveFake holds fakes only; put LJ Speech's recordings into"
            f" {root / _REAL_LJ[0]}"
        )
    rows = [(_relative(f, root), "bonafide", "-", "ljspeech", f.stem) for f in _audio(real)]
    for file in _audio(fakes):
        folder = file.relative_to(fakes).parts[0]
        corpus = next((name for name in _WAVEFAKE_CORPORA if folder.startswith(f"{name}_")), "-")
        system = folder.removeprefix(f"{corpus}_")
        pair = file.stem.removesuffix("_gen") if corpus != "-" else "-"
        rows.append((_relative(file, root), "spoof", system, corpus, pair))
    table = pd.DataFrame(rows, columns=["path", "label", "spoof_system", "source", "pair"])
    return protocol("wavefake", root, table.assign(utterance_id=table["path"]), fakes)


def _librisevoc(root: Path, hints: Hints) -> Protocol | None:
    """Read LibriSeVoc (Sun et al. 2023): gt/ID.wav, and ID_gen.wav in a folder per vocoder.

    Each ID begins with the LibriTTS speaker.
    """
    real = locate(root, "gt")
    if real is None or not any((real.parent / name).is_dir() for name in _VOCODERS):
        return None
    rows = [(_relative(f, root), "bonafide", "-", f.stem) for f in _audio(real)]
    rows += [
        (_relative(file, root), "spoof", name, file.stem.removesuffix("_gen"))
        for name in _VOCODERS
        for file in _audio(real.parent / name)
    ]
    table = pd.DataFrame(rows, columns=["path", "label", "spoof_system", "pair"])
    table["speaker"] = table["pair"].str.split("_").str[0]
    return protocol("librisevoc", root, table.assign(utterance_id=table["path"]), real)


def _mlaad(root: Path, hints: Hints) -> Protocol | None:
    """Read MLAAD (Müller et al. 2024): fake/LANG/MODEL/meta.csv.

    The bona fide utterances are the M-AILABS recordings that `original_file` names, searched in
    `real/`, `M-AILABS/` and the root.
    """
    metas = sorted((root / "fake").glob("*/*/meta.csv"))
    if not metas:
        return None
    parts = []
    for meta in metas:
        table = table_of(meta, "|")
        if "path" not in table.columns:
            raise InputError(f"{meta}: missing column path; has {list(table.columns)}")
        folder = meta.parent.relative_to(root).as_posix()
        names = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in table["path"]]
        table["path"] = [f"{folder}/{name}" for name in names]
        table["spoof_system"] = meta.parent.name
        parts.append(table)
    fakes = pd.concat(parts, ignore_index=True).fillna("-")
    fakes = fakes.assign(label="spoof", utterance_id=fakes["path"])
    keep = ["utterance_id", "path", "label", "spoof_system"]
    keep += [c for c in ("language", "training_data", "architecture") if c in fakes]
    originals = sorted(set(fakes.get("original_file", pd.Series(dtype=str))) - {"", "-"})
    bases = [p for p in (root / "real", root / "M-AILABS", root) if p.is_dir()]
    humans = [
        found.relative_to(root).as_posix()
        for name in originals
        if (found := next((b / name for b in bases if (b / name).is_file()), None))
    ]
    if not humans:
        raise InputError(
            f"{root}: MLAAD holds fakes only; add M-AILABS, so that the files named in"
            f" original_file exist (looked in {', '.join(map(str, bases))})"
        )
    real = pd.DataFrame({"utterance_id": humans, "path": humans, "label": "bonafide"})
    return protocol("mlaad", root, pd.concat([real, fakes[keep]], ignore_index=True), root / "fake")


def _audio(folder: Path) -> list[Path]:
    return [file for file in walk(folder) if is_audio(file)]


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


READERS = (
    Reader("in-the-wild", _in_the_wild),
    Reader("fake-or-real", _fake_or_real),
    Reader("wavefake", _wavefake),
    Reader("librisevoc", _librisevoc),
    Reader("mlaad", _mlaad),
)
