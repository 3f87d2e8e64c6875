"""Readers of single corpora with a folder layout or a metadata file of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.cleaning import clean_paths
from benchmark.data.protocol import Protocol
from benchmark.data.readers.common import (
    Hints,
    Reader,
    audio_below,
    locate,
    protocol,
)
from benchmark.data.readers.stems import with_endings
from benchmark.data.readers.tables import class_of, renamed, split_of, text_table

_REAL_LJ = ("LJSpeech-1.1/wavs", "LJSpeech/wavs", "ljspeech/wavs", "wavs")
_WAVEFAKE_CORPORA = ("ljspeech", "jsut")
_VOCODERS = ("diffwave", "melgan", "parallel_wave_gan", "wavegrad", "wavenet", "wavernn")


def _in_the_wild(root: Path, hints: Hints) -> Protocol | None:
    """Read In-the-Wild (Müller et al. 2022): meta.csv with file, speaker and label.

    Copies that were saved again may have an index, other names, order or case of these columns.
    """
    file = locate(root, "meta.csv")
    if file is None:
        return None
    try:
        table = renamed(text_table(file), file)
    except InputError:
        return None  # other corpora have files of this name, too
    if sorted(table.columns) != ["label", "path", "speaker"]:
        return None
    base = hints.audio_root or file.parent
    above = base if hints.audio_root else root
    names = with_endings(clean_paths(table["path"].tolist(), base), base, file)
    near = base.relative_to(above).as_posix()
    table["path"] = [name if near == "." else f"{near}/{name}" for name in names]
    table["utterance_id"] = [name.rsplit(".", 1)[0] for name in names]
    table["label"] = class_of(table["label"], file, hints.words)
    return protocol("in-the-wild", above, table, file)


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
        for file in audio_below(found[0] / split / word)
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
    rows = [(_relative(f, root), "bonafide", "-", "ljspeech", f.stem) for f in audio_below(real)]
    for file in audio_below(fakes):
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
    rows = [(_relative(f, root), "bonafide", "-", f.stem) for f in audio_below(real)]
    rows += [
        (_relative(file, root), "spoof", name, file.stem.removesuffix("_gen"))
        for name in _VOCODERS
        for file in audio_below(real.parent / name)
    ]
    table = pd.DataFrame(rows, columns=["path", "label", "spoof_system", "pair"])
    table["speaker"] = table["pair"].str.split("_").str[0]
    return protocol("librisevoc", root, table.assign(utterance_id=table["path"]), real)


def _relative(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


READERS = (
    Reader("in-the-wild", _in_the_wild, elsewhere=True),
    Reader("fake-or-real", _fake_or_real),
    Reader("wavefake", _wavefake),
    Reader("librisevoc", _librisevoc),
)
