"""Damaged files, and what must come of them: a clean result, or one error of LaunderBench.

`damaged` makes the copies of a valid file that a seed determines; each kind of file in KINDS has
valid samples and the reading that a command does with it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import re
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch

from attacks.chains import pools
from attacks.contract import suites
from benchmark.assets import archives
from benchmark.audio import reader
from benchmark.audio.audio_error import AudioError
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.exchange import score_reader
from benchmark.exchange.trial_ids import TrialIds
from benchmark.inference import checkpoints
from benchmark.inference.scorer import Scorer
from benchmark.laundering.resuming import key_of
from benchmark.scores import plan_files
from benchmark.scores.load_run import collect
from benchmark.training import trained_checkpoints
from tests.support import media

ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 2**70, -(10**400), 1e308, float("nan"), float("inf"), "", "\0",
    "x" * 5000, "\ud800", [], {}, [[[]]], {"a": {}}, "../../x", "nan", "clean", [None, 1, "x"],
)  # fmt: skip
ODD_TEXT = (
    "", "nan", "-inf", "1e999", "9" * 400, "\0", "\r", '"', "'", ",", "\ufeff", "\u202e", "é" * 300,
    "=1+1", "((((", "))", "[" * 3000, "../../etc/passwd", "/dev/zero", "x" * 300, "true", "1,5",
)  # fmt: skip
WORD = re.compile(rb"[^\s,;:=()\[\]{}\"]+")
DEEP = 100_000  # brackets, far beyond the recursion limit


@dataclass(frozen=True)
class Kind:
    """A kind of file: its valid samples, and the reading that must survive damage.

    name    : of the file
    samples : returns the valid contents, in a folder for what goes with them
    read    : reads a file of that name
    refusal : the error that says that the file cannot be used
    """

    name: str
    samples: Callable[[Path], list[bytes]]
    read: Callable[[Path], object]
    refusal: type[Exception] = InputError


def damaged(samples: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` damaged copies of the samples."""
    rng = random.Random(seed)
    for _ in range(count):
        content = rng.choice(samples)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            content = rng.choice(MUTATORS)(content, rng)
        yield content


def flip(content: bytes, rng: random.Random) -> bytes:
    """Flip some bits, half of the time in the first bytes."""
    changed = bytearray(content or b"\0")
    end = len(changed) if rng.random() < 0.5 else min(len(changed), 600)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(content: bytes, rng: random.Random) -> bytes:
    """Cut the end off."""
    return content[: rng.randrange(len(content) + 1)]


def remove(content: bytes, rng: random.Random) -> bytes:
    """Cut a piece out."""
    start = rng.randrange(len(content) + 1)
    return content[:start] + content[start + rng.randint(1, 40) :]


def insert(content: bytes, rng: random.Random) -> bytes:
    """Insert random bytes, or repeat a piece of the content elsewhere."""
    place, start = (rng.randrange(len(content) + 1) for _ in range(2))
    piece = rng.randbytes(rng.randint(1, 30)) if rng.random() < 0.5 else content[start:][:200]
    return content[:place] + piece + content[place:]


def swap_words(content: bytes, rng: random.Random) -> bytes:
    """Exchange two words, as fields of rows or keys of tables."""
    words = [match.span() for match in WORD.finditer(content[:20_000])]
    if len(words) < 2:
        return content
    (a, b), (c, d) = sorted(rng.sample(words, 2))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def odd_word(content: bytes, rng: random.Random) -> bytes:
    """Replace a word by an odd text."""
    words = [match.span() for match in WORD.finditer(content[:20_000])]
    if not words:
        return content
    start, end = rng.choice(words)
    text = rng.choice(ODD_TEXT).encode("utf-8", "surrogatepass")
    return content[:start] + text + content[end:]


def odd_json(content: bytes, rng: random.Random) -> bytes:
    """Replace, remove or nest a value of JSON, also of that within a safetensors header."""
    header, rest = _header(content)
    try:
        found = json.loads(header)
    except (ValueError, RecursionError):
        return content
    inner = found.get("__metadata__") if isinstance(found, dict) else None
    if isinstance(inner, dict) and "launderbench" in inner and rng.random() < 0.8:
        try:
            text = _changed(json.loads(inner["launderbench"]), rng)
        except (ValueError, RecursionError, TypeError):
            return content
        text = found | {"__metadata__": inner | {"launderbench": text}}
        header = json.dumps(text).encode("utf-8", "surrogatepass")
    else:
        header = _changed(found, rng).encode("utf-8", "surrogatepass")
    return header if rest is None else struct.pack("<Q", len(header)) + header + rest


def _header(content: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON of a file, and what follows the header of a safetensors file."""
    if len(content) > 8:
        (size,) = struct.unpack("<Q", content[:8])
        if size < len(content) and content[8:9] == b"{":
            return content[8 : 8 + size], content[8 + size :]
    return content, None


def _changed(found: Any, rng: random.Random) -> str:
    """Return JSON text in which one value is another."""
    places: list[tuple[Any, Any]] = []
    _collect(found, places)
    if rng.random() < 0.05:
        return "[" * DEEP + "]" * DEEP
    if not places:
        return json.dumps(rng.choice(ODD))
    holder, key = rng.choice(places)
    other, another = rng.choice(places)
    act = rng.random()
    if act < 0.2:
        del holder[key]
    elif act < 0.4:
        try:
            holder[key], other[another] = other[another], holder[key]
            return json.dumps(found)  # raises where a value now holds itself
        except (ValueError, RecursionError, KeyError, IndexError):
            return "{}"
    else:
        holder[key] = rng.choice(ODD)
    return json.dumps(found)


def _collect(found: Any, places: list[tuple[Any, Any]]) -> None:
    items: list[tuple[Any, Any]] = []
    if isinstance(found, dict):
        items = [*found.items()]
    elif isinstance(found, list):
        items = [*enumerate(found)]
    for key, value in items:
        places.append((found, key))
        _collect(value, places)


MUTATORS = (flip, truncate, remove, insert, swap_words, odd_word, odd_json, odd_json)


def failures(kind: Kind, folder: Path, count: int, seed: int = 0) -> list[str]:
    """Return what went wrong: every exception that is no error of LaunderBench, and long errors."""
    found = []
    samples = kind.samples(folder)
    for sample in samples:
        _write(folder / kind.name, sample)
        kind.read(folder / kind.name)  # the samples themselves are valid
    for number, content in enumerate(damaged(samples, count, seed)):
        _write(folder / kind.name, content)
        try:
            kind.read(folder / kind.name)
        except kind.refusal as error:
            if "\n" in str(error):
                found.append(f"{number}: an error of several lines: {error}")
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = trace and f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
            found.append(f"{number}: {type(error).__name__}: {str(error)[:200]} ({where})")
    return found


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# The kinds of files


def _trained(_: Path) -> list[bytes]:
    names = ("constant", "random", "shortcut", "raw-cnn", "lfcc-gmm")
    files = [next(trained_checkpoints.FOLDER.glob(f"{name}-seed0-*.safetensors")) for name in names]
    return [file.read_bytes() for file in files]


def _score(path: Path) -> object:
    found = checkpoints.load(path)
    scorer = Scorer([found], torch.device("cpu"))
    return scorer([np.linspace(-0.5, 0.5, 8000, dtype=np.float32)], [found.name])


def _archives(_: Path) -> list[bytes]:
    members = {"flac/a.flac": b"fLaC" * 300, "protocol.txt": b"a - - bonafide\n", "d/e/f": b""}
    tarred, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.PAX_FORMAT) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name + "é" * 120)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return [tarred.getvalue(), gzip.compress(tarred.getvalue(), mtime=0), zipped.getvalue()]


def _unpack(path: Path) -> object:
    out = path.parent / "out"
    is_zip = path.read_bytes()[:2] == b"PK"
    named = path.with_name("a.zip" if is_zip else "a.tar.gz")
    named.write_bytes(path.read_bytes())
    return archives.unpack(named, out)


def _protocols(_: Path) -> list[bytes]:
    rows = [
        f"utt{n},audio/utt{n}.flac,{'spoof' if n % 2 else 'bonafide'},spk{n % 3},"
        f"{'A07' if n % 2 else '-'},{'dev' if n > 8 else 'test'},src{n}"
        for n in range(12)
    ]
    head = "utterance_id,path,label,speaker,spoof_system,split,source"
    table = "\n".join([head, *rows]) + "\n"
    return [table.encode(), table.replace(",", "\t").encode("utf-16"), table.encode("latin-1")]


def _open_protocol(path: Path) -> object:
    return loading.open_data(path.parent).table.to_csv()


def _json_tables(_: Path) -> list[bytes]:
    rows = [
        {"path": f"audio/utt{n}.flac", "label": "spoof" if n % 2 else "bonafide"} for n in range(6)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    return [lines.encode()]


def _open_table(path: Path) -> object:
    return loading.open_data(path).table.to_csv()


IDS = TrialIds(pd.DataFrame({"utterance_id": [f"utt{n}" for n in range(8)]}))


def _scores(_: Path) -> list[bytes]:
    numbers = range(8)
    return [
        "".join(f"utt{n} {n / 7:.4f}\n" for n in numbers).encode(),
        "".join(f"utt{n} - A07 spoof {n / 7:.4f}\n" for n in numbers).encode(),
        ("filename\tcm-score\n" + "".join(f"utt{n}\t{n / 7}\n" for n in numbers)).encode(),
        (
            "id,condition,label,score\n"
            + "".join(f'utt{n},"mp3(kbps=64)",spoof,{n / 7}\n' for n in numbers)
        ).encode(),
        "".join(f"Output, utt{n}, 1, {n / 7}\n" for n in numbers).encode(),
    ]


def _suites(_: Path) -> list[bytes]:
    built = [suites.FOLDER / f"{name}.toml" for name in ("smoke", "laundering", "severity")]
    own = b'description = "x"\nconditions = ["mp3(kbps=64) | lowpass(cutoff=3000)"]\n'
    return [own, *(path.read_bytes() for path in built)]


def _pools(_: Path) -> list[bytes]:
    return [b'[[slot]]\ndraw = ["noise(kind=babble/street, snr=5..25)", "opus(kbps=8/12)"]\n']


RUN = Path(__file__).parents[1] / "data" / "format4_run"


def _plans(_: Path) -> list[bytes]:
    return [(RUN / "plan.json").read_bytes()]


def _open_plan(path: Path) -> object:
    """Read the plan of a run of format 4, whose plan has no digest, and then the run."""
    for part in ("trials.parquet", "parts"):
        if not (path.parent / part).exists():
            (path.parent / part).symlink_to(RUN / part)
    return collect(path.parent, {})


def _plans_of_today(_: Path) -> list[bytes]:
    plan = json.loads((RUN / "plan.json").read_bytes())
    trials = plan_files.trials_digest(pq.read_table(RUN / "trials.parquet").to_pandas())
    plan |= {"format": plan_files.FORMAT, "trials_sha256": trials}
    return [json.dumps(plan).encode()]


def _open_plan_of_today(path: Path) -> object:
    """Read a run whose plan and detectors are forged so that every digest fits."""
    folder = Path(tempfile.mkdtemp(dir=path.parent))
    content = path.read_bytes()
    try:
        plan = json.loads(content)
        detectors = plan.pop("detectors")
        digest = plan_files.conditions_digest(plan)
        for number, facts in enumerate(detectors.values()):
            if isinstance(facts, dict):
                facts |= {"name": f"name {number}", "conditions": digest}
            _write(folder / "detectors" / f"{number}.json", json.dumps(facts).encode())
        content = json.dumps(plan).encode()
        trials = str(plan["trials_sha256"])
        _write(folder / "trials" / f"{trials}.parquet", (RUN / "trials.parquet").read_bytes())
    except Exception:  # noqa: BLE001 - it cannot be forged as well as that
        pass
    name = hashlib.sha256(content).hexdigest()
    _write(folder / "plans" / f"{name}.json", content)
    pointer = {"format": plan_files.FORMAT, "plan": name, "data_root": "corpus"}
    pointer[plan_files.CHECK] = key_of(pointer)
    _write(folder / "plan.json", json.dumps(pointer).encode())
    return collect(folder, {})


def _cards(_: Path) -> list[bytes]:
    card = {"name": "toy", "version": "1", "headline": "neural", "audio_digest": "0" * 64}
    card |= {"root": ".", "systems_left_out": ["A07"]}  # type: ignore[dict-item]
    return [json.dumps(card).encode()]


def _open_card(path: Path) -> object:
    _write(path.parent / "protocol.csv", _protocols(path.parent)[0])
    return loading.open_data(path.parent)


AUDIO = {  # file name, whose ending names the container -> options of FFmpeg
    "pcm.wav": "-c:a pcm_s16le", "float.caf": "-c:a pcm_f32be", "pcm.w64": "-c:a pcm_s24le",
    "mulaw.au": "-c:a pcm_mulaw", "pcm.aiff": "-c:a pcm_s16be", "a.flac": "-c:a flac",
    "vorbis.ogg": "-c:a libvorbis", "a.opus": "-c:a libopus", "opus.webm": "-c:a libopus",
    "aac.m4a": "-c:a aac", "a.mp3": "-c:a libmp3lame", "a.amr": "-c:a libopencore_amrnb -ar 8000",
}  # fmt: skip


def _audio(folder: Path) -> list[bytes]:
    source, _ = media.source(folder, seconds=0.8)
    made = [media.encode(source, folder / name, *how.split()) for name, how in AUDIO.items()]
    return [path.read_bytes() for path in made]


KINDS = {
    "audio": Kind("audio", _audio, reader.read, AudioError),
    "checkpoints": Kind("a.safetensors", _trained, _score),
    "archives": Kind("archive", _archives, _unpack),
    "protocols": Kind("protocol.csv", _protocols, _open_protocol),
    "tables": Kind("table.jsonl", _json_tables, _open_table),
    "scores": Kind("scores.txt", _scores, lambda path: score_reader.read(path, IDS)),
    "suites": Kind("suite.toml", _suites, lambda path: suites.load(path)),
    "pools": Kind("pool.toml", _pools, lambda path: pools.load(str(path))),
    "plans": Kind("plan.json", _plans_of_today, _open_plan_of_today),
    "old plans": Kind("plan.json", _plans, _open_plan),
    "cards": Kind("card.json", _cards, _open_card),
}
