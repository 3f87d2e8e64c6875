"""Tables as people save them: parsing, names of columns, classes and splits."""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from benchmark.audio.endings import is_audio
from benchmark.core.errors import InputError, one_line
from benchmark.data.cleaning import BLANKS, clean_paths, encoding_of, lines_with, place, stripped
from benchmark.data.protocol import REQUIRED
from benchmark.data.readers.common import Hints
from benchmark.data.readers.stems import with_endings
from benchmark.data.readers.table_errors import long_line, unreadable
from benchmark.data.readers.words import SPLIT_WORDS, Vocabulary, meaning_of

# Alternative names of the columns of a protocol.
SYNONYMS = {
    "utterance_id": ("id", "utt", "utt_id", "utterance", "file_id", "uid", "audio_id"),
    "path": (
        "file", "filename", "file_name", "file name", "filepath", "file_path", "audio", "wav",
        "audio_path", "audio_file", "wav_path", "files", "paths",
    ),
    "label": ("key", "class", "target", "labels", "ground truth", "ground_truth", "category"),
    "speaker": ("speaker_id", "spk", "speakers", "speaker_name"),
    "spoof_system": (
        "system", "system_id", "attack", "attack_id", "generator", "model", "model_name",
        "codec_name",
    ),
    "split": ("subset", "partition", "set"),
}  # fmt: skip
DELIMITERS = ",;\t|"


def text_table(file: Path, delimiters: str = DELIMITERS, quoted: bool = True) -> pd.DataFrame:
    """Read a delimited text file with a header; the delimiter that gives most columns is used.

    Raises `InputError` naming the file and the cause. Without `quoted`, quotation marks are text.
    """
    encoding = encoding_of(file)
    try:
        with file.open(encoding=encoding, newline="") as handle:
            header = handle.readline()
        widths = {d: len(next(csv.reader([header], delimiter=d), [])) for d in delimiters}
    except (ValueError, OSError, csv.Error) as error:
        raise unreadable(file, error) from error
    if max(widths.values()) == 1 and len(header.split()) > 1:
        raise InputError(
            f"{file}: no comma, semicolon, tab or bar separates the names in its header"
            f" {_short(header.strip())!r}{_advice(file)}"
        )
    return table_of(file, max(delimiters, key=lambda d: widths[d]), encoding, quoted)


def table_of(file: Path, separator: str, encoding: str = "", quoted: bool = True) -> pd.DataFrame:
    """Read a table with a header, all columns as stripped text, without an unnamed index.

    Raises `InputError` that names file and cause.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                file,
                sep=separator,
                dtype=str,
                keep_default_na=False,
                encoding=encoding or encoding_of(file),
                index_col=False,  # else a first row with too many cells shifts every column
                skipinitialspace=True,
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            )
    except pd.errors.ParserWarning as error:
        line = long_line(file, separator, encoding or encoding_of(file))
        raise InputError(f"{file}: rows have more columns than the header{line}") from error
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{file} is empty") from error
    except (ValueError, OSError, OverflowError, csv.Error) as error:
        raise unreadable(file, error) from error
    return clean_table(table, file)


def clean_table(table: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Return a table of stripped texts; drop the index that pandas and spreadsheets add."""
    names = [str(name).strip(BLANKS) for name in table.columns]
    kept = [i for i, name in enumerate(names) if name and not name.startswith("Unnamed: ")]
    table = table.iloc[:, kept]
    table.columns = pd.Index([names[i] for i in kept])
    twice = table.columns[table.columns.str.casefold().duplicated()]
    if len(twice):
        raise InputError(f"{source}: two columns have the name {twice[0]!r}")
    return table.apply(stripped) if len(table.columns) else table


def columns_of(file: Path, *layouts: Sequence[str]) -> pd.DataFrame:
    """Read a protocol without header, columns separated by whitespace, all as text.

    The names are those of the first of `layouts` with as many columns. Raises `InputError` naming
    the file and, for a row with too few columns, its line.
    """
    try:
        table = pd.read_csv(
            file, sep=r"\s+", header=None, dtype=str, keep_default_na=False,
            encoding=encoding_of(file),
        )  # fmt: skip
    except pd.errors.EmptyDataError as error:
        raise InputError(f"{file} is empty") from error
    except (ValueError, OSError, OverflowError) as error:
        raise InputError(f"{file} cannot be read ({one_line(error)})") from error
    names = next((names for names in layouts if len(names) == table.shape[1]), None)
    if names is None:
        wanted = "; or ".join(f"{len(names)}: {', '.join(names)}" for names in layouts)
        raise InputError(f"{file} has {table.shape[1]} columns, not {wanted}")
    short = (table == "").any(axis=1).to_numpy()
    if short.any():
        cells = [cell for cell in table.iloc[int(short.argmax())].tolist() if cell]
        line = next(iter(lines_with(file, *cells)), short.argmax() + 1)
        raise InputError(f"{file}: line {line} has fewer than {len(names)} columns")
    table.columns = pd.Index(names)
    return table


def json_table(file: Path) -> pd.DataFrame:
    """Read a file with one JSON object per line; nested values are left out."""
    rows: list[dict[str, Any]] = []
    try:
        with file.open(encoding=encoding_of(file)) as handle:
            for number, line in enumerate(handle, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(f"{file}: line {number} is not JSON ({error})") from error
                if not isinstance(row, dict):
                    raise InputError(f"{file}: line {number} is not a JSON object")
                rows.append({k: v for k, v in row.items() if not isinstance(v, (dict, list))})
    except (ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise unreadable(file, error) from error
    if not rows:
        raise InputError(f"{file} is empty")
    table = pd.DataFrame(rows, dtype=object)
    return clean_table(table.where(table.notna(), ""), file)


def renamed(table: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Return the table with the protocol's names of columns, as far as they have synonyms."""
    lower = {str(column).casefold(): str(column) for column in table.columns}
    names = {
        lower[other]: name
        for name, others in SYNONYMS.items()
        if name not in lower
        for other in [next((o for o in others if o in lower), None)]
        if other
    }
    names |= {lower[name]: name for name in SYNONYMS if name in lower}
    table = table.rename(columns=names)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InputError(f"{source}: two columns have the name {twice[0]!r}")
    return table


def named(table: pd.DataFrame, source: Path, hints: Hints, root: Path) -> pd.DataFrame:
    """Return the table with the protocol's names of columns, classes and splits, and clean paths.

    Paths are relative to `root`; those without an ending get that of the one audio file there.
    """
    had = [*map(str, table.columns)]
    table = renamed(table, source)
    if "path" not in table and "utterance_id" in table:
        table = table.assign(path=table["utterance_id"])  # a list of ids
    if "path" in table:
        paths = clean_paths(table["path"].tolist(), root)
        table = table.assign(path=with_endings(paths, root, source))
        if "utterance_id" not in table:
            table = table.assign(utterance_id=paths)
    missing = [column for column in REQUIRED if column not in table]
    if missing:
        headless = any(is_audio(PurePath(name)) for name in had)
        advice = ": add a first line with the names of the columns" if headless else ""
        raise InputError(
            f"{source}: missing column {', '.join(missing)}; has"
            f" {_short(', '.join(had)) or 'no named column'}{advice}"
        )
    table = table.assign(label=class_of(table["label"], source, hints.words))
    return table.assign(split=split_of(table["split"])) if "split" in table else table


def class_of(words: pd.Series, source: Path, vocabulary: Vocabulary | None = None) -> pd.Series:
    """Map each word to `bonafide` or `spoof`; `InputError` names one that is neither.

    0 and 1 mean opposite classes in different corpora, so they are refused unless the vocabulary
    has them.
    """
    known = vocabulary or Vocabulary()
    classes = {word: known.class_of(word) for word in words.unique().tolist()}
    strange = [word for word, label in classes.items() if label is None]
    if strange:
        word = strange[0]
        row = int((words == word).to_numpy().argmax())
        others = ", ".join(repr(_short(one)) for one in strange[1:4])
        also = f" (as are {others})" if others else ""
        raise InputError(
            f"{place(source, row, word)}: the label {_short(word)!r} is neither bona fide nor"
            f" spoof{also}; use --labels '{_short(word) or 'WORD'}=spoof,...' to map the data set's"
            " own class names"
        )
    return words.map(classes)


def split_of(words: pd.Series) -> pd.Series:
    """Map the usual split names to train, dev or test; others stay and are refused later."""
    known = {word: split for split, own in SPLIT_WORDS.items() for word in own}

    def split(word: str) -> str:
        found = meaning_of(word).splits
        return known.get(word.strip().lower()) or (next(iter(found)) if len(found) == 1 else word)

    return words.map({word: split(word) for word in words.unique().tolist()})


def _advice(file: Path) -> str:
    corpus = file.name.startswith("ASVspoof") or file.name == "trial_metadata.txt"
    return "; of an ASVspoof corpus give the folder, not the protocol" if corpus else ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
