"""The ASVspoof challenges: 2019 LA and PA, 2021 LA and DF, and ASVspoof 5 track 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmark.errors import InputError
from benchmark.protocol import OTHER, Protocol
from benchmark.readers.common import Hints, Reader, columns_of, locate, protocol

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


def _asvspoof2019(access: str) -> Callable[[Path, Hints], Protocol | None]:
    def read(root: Path, hints: Hints) -> Protocol | None:
        folder = locate(root, f"ASVspoof2019_{access}_cm_protocols")
        if folder is None:
            return None
        parts = []
        for split, ending in _FILES_2019.items():
            file = folder / f"ASVspoof2019.{access}.cm.{ending}.txt"
            if not file.is_file():
                continue
            part = columns_of(file, _COLUMNS_2019)
            kept = {"PA": {"extra": "environment"}}.get(access)  # of LA it is unused
            part = part.rename(columns=kept) if kept else part.drop(columns="extra")
            audio = {"test": "eval"}.get(split, split)
            where = folder.parent / f"ASVspoof2019_{access}_{audio}" / "flac"
            parts.append(part.assign(split=split, path=_paths(part, where, root)))
        if not parts:
            raise InputError(f"{folder} holds no protocol ASVspoof2019.{access}.cm.*.txt")
        table = pd.concat(parts, ignore_index=True)
        return protocol(f"asvspoof2019-{access.lower()}", root, table, folder)

    return read


def _asvspoof2021(track: str, columns: tuple[str, ...]) -> Callable[[Path, Hints], Protocol | None]:
    def read(root: Path, hints: Hints) -> Protocol | None:
        audio = locate(root, f"ASVspoof2021_{track}_eval")
        key = locate(
            root,
            f"keys/{track}/CM/trial_metadata.txt",
            f"{track}/CM/trial_metadata.txt",
            f"{track}-keys-full/keys/{track}/CM/trial_metadata.txt",
            "keys/CM/trial_metadata.txt",
        )
        if audio is None:
            return None
        if key is None:
            raise InputError(
                f"{root}: ASVspoof2021_{track}_eval is there, but its key"
                f" keys/{track}/CM/trial_metadata.txt is not"
            )
        table = columns_of(key, columns)
        table["path"] = _paths(table, audio / "flac", root)
        table["split"] = (table["subset"] == "eval").map({True: "test", False: OTHER})
        return protocol(f"asvspoof2021-{track.lower()}", root, table, key)

    return read


def _asvspoof5(root: Path, hints: Hints) -> Protocol | None:
    folder = locate(root, "ASVspoof5_protocols")
    if folder is None:
        return None
    parts = []
    for split, (name, letter) in _FILES_5.items():
        file = folder / f"ASVspoof5.{name}.tsv"
        if not file.is_file():
            continue
        part = columns_of(file, _COLUMNS_5).drop(columns="unused")
        coded = part["codec"].where(part["codec"].isin(list(_CODECS_5)), "-")
        names = [f"flac_{letter}_eval", f"flac_{letter}"] if split == "test" else [f"flac_{letter}"]
        where = next((p for n in names if (p := folder.parent / n).is_dir()), None)
        if where is None:
            where = folder.parent / names[0]
        part["codec"] = coded.map(_CODECS_5).fillna("-")
        part["codec_quality"] = part["codec_quality"].where(coded != "-", "-")
        parts.append(part.assign(split=split, path=_paths(part, where, root)))
    if not parts:
        raise InputError(f"{folder} holds no protocol ASVspoof5.*.tsv of track 1")
    return protocol("asvspoof5", root, pd.concat(parts, ignore_index=True), folder)


def _paths(table: pd.DataFrame, folder: Path, root: Path) -> pd.Series:
    return f"{folder.relative_to(root).as_posix()}/" + table["utterance_id"] + ".flac"


READERS = (
    Reader("asvspoof2019-la", "ASVspoof2019_LA_cm_protocols/", _asvspoof2019("LA")),
    Reader("asvspoof2019-pa", "ASVspoof2019_PA_cm_protocols/", _asvspoof2019("PA")),
    Reader("asvspoof2021-la", "ASVspoof2021_LA_eval/", _asvspoof2021("LA", _COLUMNS_LA)),
    Reader("asvspoof2021-df", "ASVspoof2021_DF_eval/", _asvspoof2021("DF", _COLUMNS_DF)),
    Reader("asvspoof5", "ASVspoof5_protocols/", _asvspoof5),
)
