"""The ASVspoof challenges: 2019 LA and PA, 2021 LA and DF, and ASVspoof 5 track 1."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.data.protocol import OTHER, Protocol
from benchmark.data.readers.common import Hints, Reader, protocol
from benchmark.data.readers.tables import columns_of
from benchmark.data.readers.tree import places

_COLUMNS_2019 = ("speaker", "utterance_id", "extra", "spoof_system", "label")
_COLUMNS_LA = (
    "speaker",
    "utterance_id",
    "codec",
    "transmission",
    "spoof_system",
    "label",
    "trim",
    "subset",
)
_COLUMNS_DF = (
    "speaker",
    "utterance_id",
    "codec",
    "source",
    "spoof_system",
    "label",
    "trim",
    "subset",
    "vocoder",
    "task",
    "team",
    "gender_pair",
    "language",
)
_COLUMNS_5 = (
    "speaker",
    "utterance_id",
    "gender",
    "codec",
    "codec_quality",
    "codec_seed",
    "attack_tag",
    "spoof_system",
    "label",
    "unused",
)
_FILES_2019 = {"train": "train.trn", "dev": "dev.trl", "test": "eval.trl"}
_AUDIO_2019 = {"test": "eval"}  # in names of folders
_FILES_5 = {"train": ("train", "T"), "dev": ("dev.track_1", "D"), "test": ("eval.track_1", "E")}
_NAMES_5 = (
    "opus_wb",
    "amr_wb",
    "speex_wb",
    "encodec_wb",
    "mp3_wb",
    "m4a_wb",
    "mp3_encodec_wb",
    "opus_nb",
    "amr_nb",
    "speex_nb",
    "device",
)
_CODECS_5 = {f"C{number:02d}": name for number, name in enumerate(_NAMES_5, 1)}
_NOT_CODED = "none"  # the value of 2021 LA, used for ASVspoof 5 too


def _home(root: Path, mark: str, protocols: str, audio: str) -> tuple[Path, Path] | None:
    """Return the protocol folder `mark`, and the folder that holds it and the audio.

    The protocol folder itself may be given; the audio is then next to it, or within it.
    """
    found = places(root, mark)
    if found:
        return found[0], root
    if not root.is_dir() or not any(root.glob(protocols)):
        return None
    here = root.resolve()
    if not places(here, audio) and (here.name == mark or any(here.parent.glob(audio))):
        return here, here.parent
    return here, here


def _asvspoof2019(access: str) -> Reader:
    mark = f"ASVspoof2019_{access}_cm_protocols"

    def home(root: Path) -> tuple[Path, Path] | None:
        protocols = f"ASVspoof2019.{access}.cm.*.txt"
        return _home(root, mark, protocols, f"ASVspoof2019_{access}_*/flac")

    def read(root: Path, hints: Hints) -> Protocol | None:
        found = home(root)
        if found is None:
            return None
        folder, above = found
        base = hints.audio_root or above
        parts = []
        for split, ending in _FILES_2019.items():
            file = folder / f"ASVspoof2019.{access}.cm.{ending}.txt"
            if not file.is_file():
                continue
            part = columns_of(file, _COLUMNS_2019)
            kept = {"PA": {"extra": "environment"}}.get(access)  # LA does not use this column
            part = part.rename(columns=kept) if kept else part.drop(columns="extra")
            audio = f"ASVspoof2019_{access}_{_AUDIO_2019.get(split, split)}/flac"
            if hints.audio_root or folder == above:
                where = next(iter(places(base, audio)), base / audio)
            else:
                where = folder.parent / audio
            parts.append(part.assign(split=split, path=_paths(part, [where], base)))
        if not parts:
            raise InputError(f"{folder} holds no protocol ASVspoof2019.{access}.cm.*.txt")
        table = pd.concat(parts, ignore_index=True)
        return protocol(name, base, _tidy(table), folder)

    name = f"asvspoof2019-{access.lower()}"
    return Reader(name, read, lambda root: [*(home(root) or ())[:1]], elsewhere=True)


def _asvspoof2021(track: str, columns: tuple[str, ...], *older: tuple[str, ...]) -> Reader:
    mark = f"ASVspoof2021_{track}_eval"
    key_name = f"keys/{track}/CM/trial_metadata.txt"
    key_names = (key_name, f"{track}/CM/trial_metadata.txt", "keys/CM/trial_metadata.txt")

    def audio(root: Path) -> list[Path]:
        """Return the audio folders; DF has four parts, which mirrors keep in separate folders."""
        inside = [root / "flac"] if root.resolve().name == mark else []
        return [p for p in inside if p.is_dir()] or places(root, f"{mark}/flac")

    def read(root: Path, hints: Hints) -> Protocol | None:
        base = hints.audio_root or root
        folders = audio(base)
        keys = places(root, *key_names) if folders or hints.audio_root else []
        if hints.audio_root and keys and not folders:
            folders = places(base, "flac") or [base]
        if not folders:
            return None
        if not keys:
            if hints.audio_root:
                return None
            raise InputError(
                f"{root}: found {mark} but not its key {key_name}; the key is in"
                f" {track}-keys-full.tar.gz"
            )
        table = columns_of(keys[0], columns, *older)
        table["path"] = _paths(table, folders, base)
        table["split"] = (table["subset"] == "eval").map({True: "test", False: OTHER})
        return protocol(name, base, _tidy(table), keys[0])

    name = f"asvspoof2021-{track.lower()}"
    return Reader(name, read, audio, elsewhere=True)


def _asvspoof5(root: Path, hints: Hints) -> Protocol | None:
    """Read ASVspoof 5 track 1, with the codec of each utterance, its quality and seed."""
    found = _home_5(root)
    if found is None:
        return None
    folder, above = found
    base = hints.audio_root or above
    parts = []
    for split, (name, letter) in _FILES_5.items():
        file = folder / f"ASVspoof5.{name}.tsv"
        if not file.is_file():
            continue
        part = columns_of(file, _COLUMNS_5).drop(columns="unused")
        coded = part["codec"].isin(list(_CODECS_5))
        names = [f"flac_{letter}_eval", f"flac_{letter}"] if split == "test" else [f"flac_{letter}"]
        missing = (base if hints.audio_root or folder == above else folder.parent) / names[0]
        where = [*places(base, names[0]), *places(base, *names[1:]), missing][:1]
        part["codec"] = part["codec"].map(_CODECS_5).fillna(_NOT_CODED)
        part["codec_quality"] = part["codec_quality"].where(coded, "-")
        parts.append(part.assign(split=split, path=_paths(part, where, base)))
    if not parts:
        raise InputError(f"{folder} holds no protocol ASVspoof5.*.tsv of track 1")
    return protocol("asvspoof5", base, _tidy(pd.concat(parts, ignore_index=True)), folder)


def _home_5(root: Path) -> tuple[Path, Path] | None:
    return _home(root, "ASVspoof5_protocols", "ASVspoof5.*.tsv", "flac_[TDE]*")


def _protocols_5(root: Path) -> list[Path]:
    return [*(_home_5(root) or ())[:1]]


def _tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Set the spoof system of bona fide trials to `-`; 2021 and 5 write `bonafide` there."""
    return table.assign(spoof_system=table["spoof_system"].where(table["label"] == "spoof", "-"))


def _paths(table: pd.DataFrame, folders: Sequence[Path], root: Path) -> pd.Series:
    """Return the path of each utterance below `root`; the first folder if no folder has it."""
    near = [folder.relative_to(root).as_posix() for folder in folders]
    names = table["utterance_id"] + ".flac"
    if len(folders) == 1:
        return f"{near[0]}/" + names
    where: dict[str, str] = {}
    for folder, path in zip(folders, near, strict=True):
        with os.scandir(folder) as entries:
            where |= {entry.name: path for entry in entries if entry.name not in where}
    return names.map(where).fillna(near[0]) + "/" + names


READERS = (
    _asvspoof2019("LA"),
    _asvspoof2019("PA"),
    _asvspoof2021("LA", _COLUMNS_LA),
    _asvspoof2021("DF", _COLUMNS_DF, _COLUMNS_DF[:8]),  # the key of stage 1 ends earlier
    Reader("asvspoof5", _asvspoof5, _protocols_5, elsewhere=True),
)
