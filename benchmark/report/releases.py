"""A release: the tables of a run in one archive with one digest, which a paper can cite.

The archive holds what `run.json` digests, but for the page, which may play voices; `run.json`
itself; the manifest; and the citation. It is a function of these files alone: the same tables give
the same bytes on every machine, because nothing is compressed and no time is stored. The digest is
the SHA-256 of the manifest, which lists the SHA-256 of every other file.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core import atomic_files, json_text
from benchmark.core.errors import InputError, one_line
from benchmark.data.embedded.card import NAME as EMBEDDED
from benchmark.laundering.verification import State
from benchmark.leaderboard import read_tables
from benchmark.leaderboard.schema import UNVERSIONED
from benchmark.report import bibtex
from benchmark.report.bibtex import Entry
from benchmark.report.citations import RunIdentity
from benchmark.report.report_check import DIGESTS
from benchmark.report.writer import OTHER_SCOPE
from benchmark.runs import run_folders
from benchmark.runs.run_folders import REPORT
from benchmark.scores.load_run import DAMAGED
from benchmark.scores.store import Store

FORMAT = 1
MANIFEST, CITATION = "MANIFEST.json", "CITATION.bib"
ENDING = ".zip"
SHORT = 12  # hex digits of the digest in a file name
LARGEST = 2**30  # bytes of all files of an archive
DEMO = "demo data: the embedded data set is for first runs; cite results on ASVspoof and the like"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that ZIP knows
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Release:
    """The files of a release by name, without manifest and citation, and what the manifest says."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the manifest, and so of everything."""
        return hashlib.sha256(_manifest_text(self.manifest)).hexdigest()

    @property
    def name(self) -> str:
        """The file name, of version, data, suite and digest."""
        return f"{self.manifest['name']}-{self.digest[:SHORT]}{ENDING}"

    @property
    def remarks(self) -> list[str]:
        """What a reader of the tables must know, such as failures; empty if nothing."""
        return list(self.manifest["remarks"])

    @property
    def head(self) -> dict[str, Any]:
        """The plan of the run, as `citations.of_run` takes it."""
        plan: dict[str, Any] = _facts(self.files[REPORT], REPORT)["provenance"]["plan"]
        return plan

    @property
    def identity(self) -> RunIdentity:
        """The commits and digests of the run, and this release's digest, for its citations."""
        data = self.manifest["data"]
        return RunIdentity(
            tuple((commit, dirty) for commit, dirty in self.manifest["commits"]),
            data["trial_digest"],
            data["tracks"],
            self.manifest["run_digest"] or "",
            f"release digest {self.digest}{self._demo}",
        )

    @property
    def _demo(self) -> str:
        return "; demo data" if DEMO in self.manifest["remarks"] else ""

    def citation(self) -> str:
        """Return the BibTeX entry that names version and digest; format 1 has these very words."""
        held, data = self.manifest, self.manifest["data"]
        run = f", run digest {held['run_digest']}" if held["run_digest"] else ""
        note = (
            f"Version {held['launderbench']}; data {data['name']} {data['version']}, suite"
            f" {held['suite']}; trial digest {data['trial_digest']}{run}; release digest"
            f" {self.digest}{self._demo}"
        )
        fields = (
            ("title", "{LaunderBench}: a robustness benchmark for audio-deepfake detectors"),
            ("author", "{The LaunderBench authors}"),
            ("year", held["written"][:4]),
            ("note", bibtex.value_of(note)),
        )
        return f"{Entry('misc', f'launderbench-{self.digest[:SHORT]}', fields)}\n"

    def archive(self) -> bytes:
        """Return the archive, the same bytes for the same files."""
        out = io.BytesIO()
        listed = {MANIFEST: _manifest_text(self.manifest), CITATION: self.citation().encode()}
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
            for name, content in {**listed, **dict(sorted(self.files.items()))}.items():
                info = zipfile.ZipInfo(name, _EPOCH)
                info.create_system = 3  # as on Unix, wherever it is written
                info.external_attr = 0o644 << 16
                file.writestr(info, content)
        return out.getvalue()

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables as `read_tables.read` does; `InputError` names a file that is wrong."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files.items():
                Path(folder, name).write_bytes(content)
            try:
                return read_tables.read(Path(folder))
            except InputError as error:
                raise InputError(str(error).replace(f"{folder}/", "")) from error


def of_folder(folder: Path) -> Release:
    """Return the release of the report in a folder.

    Raises `InputError`, which names the file, if there is no report, or if a file is missing or
    was changed since the report was written.
    """
    path = folder / REPORT
    if not path.is_file():
        run = Store(folder).head.is_file()
        cause = "a run without a report" if run else "no run"
        raise InputError(f"{folder} holds {cause} ({REPORT} is missing): launderbench report RUN")
    facts = _facts(path.read_bytes(), str(path))
    files = {REPORT: _text(path.read_bytes()), **dict(_listed(folder, facts))}
    try:
        remarks = [*_remarks(facts, read_tables.read(folder))]
        found = _manifest(facts, remarks, files)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not that of a run (no {one_line(error)})") from error
    return Release(found, files)


def write(release: Release, out: Path) -> Path:
    """Write the archive into the folder `out` and return its path."""
    return atomic_files.write(out / release.name, release.archive())


def read(path: Path, digest: str = "") -> Release:
    """Return the release in an archive whose every byte is what its manifest says.

    digest : what a paper states, hex, at least 8 digits of it; '' compares nothing

    Raises `InputError`, which names the archive and the file in it, if the archive is damaged, of a
    newer format, changed, or has another digest.
    """
    held = _members(path)
    for name in (MANIFEST, CITATION):
        if name not in held:
            raise InputError(f"{path} is no release: {name} is missing")
    stored, said = held.pop(MANIFEST), held.pop(CITATION)
    manifest = _facts(stored, f"{path}: {MANIFEST}")
    version = manifest.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{path}: {MANIFEST} names the format {version!r}, which is no version")
    if version > FORMAT:
        raise InputError(
            f"{path} is a release of format {version}, and this LaunderBench reads up to {FORMAT}:"
            " update it"
        )
    release = Release(manifest, held)
    try:
        _compare(path, release, stored, said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: {MANIFEST} is not that of a release ({error!r})") from error
    if digest and not (len(digest) >= 8 and release.digest.startswith(digest.lower())):
        raise InputError(f"{path} has the digest {release.digest}, not {digest}")
    return release


def _compare(path: Path, release: Release, stored: bytes, said: bytes) -> None:
    """Raise `InputError` for the first file that is not what the manifest says."""
    listed = release.manifest["files"]
    for name, facts in listed.items():
        if name not in release.files:
            raise InputError(f"{path}: {name} is missing")
        if _entry(release.files[name]) != facts:
            raise InputError(f"{path}: {name} was changed: it has not the SHA-256 in {MANIFEST}")
    for name in release.files:
        if name not in listed:
            raise InputError(f"{path}: {name} is not listed in {MANIFEST}")
    facts = _facts(release.files[REPORT], f"{path}: {REPORT}")
    made = _manifest(facts, release.remarks, release.files)
    if stored != _manifest_text(made):
        raise InputError(f"{path}: {MANIFEST} was changed: the files beside it say otherwise")
    if said != release.citation().encode():
        raise InputError(f"{path}: {CITATION} was changed: {MANIFEST} says otherwise")
    if path.read_bytes() != release.archive():
        raise InputError(f"{path} was changed around its files: it is not as it was written")


def _members(path: Path) -> dict[str, bytes]:
    """Return the files of an archive; nothing of it is written anywhere."""
    try:
        with zipfile.ZipFile(path) as file:
            infos = file.infolist()
            for info in infos:
                if not _NAME.fullmatch(info.filename) or info.compress_type != zipfile.ZIP_STORED:
                    raise InputError(f"{path} is no release: it holds {info.filename!r}")
            if sum(info.file_size for info in infos) > LARGEST:
                raise InputError(f"{path} is no release: it is larger than 1 GB")
            if len({info.filename for info in infos}) < len(infos):
                raise InputError(f"{path} is no release: it holds a file twice")
            return {info.filename: file.read(info) for info in infos}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(f"{path} is no release, or damaged ({one_line(error)})") from error


def _listed(folder: Path, facts: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Yield the files whose digest run.json holds, but for pages, and compare them with it."""
    for key in DIGESTS:
        listed = facts.get(key, {})
        if not isinstance(listed, dict):
            raise InputError(f"{folder / REPORT} is not that of a run: {key}")
        for name, sha256 in sorted(listed.items()):
            path = folder / name
            if not _NAME.fullmatch(name) or name.endswith(".html"):
                continue
            if not path.is_file():
                # early reports left it out where there were no failures
                if name == "failures.csv" and facts.get("schema", UNVERSIONED) == UNVERSIONED:
                    continue
                raise InputError(f"{path} is missing, but {REPORT} lists it")
            content = _text(path.read_bytes())
            if hashlib.sha256(content).hexdigest() != sha256:
                raise InputError(f"{path} was changed since {REPORT} was written")
            yield name, content


def _text(content: bytes) -> bytes:
    """Return a text file as it was written: git may have changed its line ends."""
    return content.replace(b"\r\n", b"\n")


def _facts(content: bytes, where: str) -> dict[str, Any]:
    try:
        facts = json_text.parse(content)
    except ValueError as error:
        raise InputError(f"{where} cannot be read ({one_line(error)})") from error
    if not isinstance(facts, dict):
        raise InputError(f"{where} holds no object")
    return facts


def _manifest(
    facts: Mapping[str, Any], remarks: list[str], files: Mapping[str, bytes]
) -> dict[str, Any]:
    """Return the manifest; `KeyError` for what run.json lacks. Format 1 has these very values."""
    provenance, protocol = facts["provenance"], facts["protocol"]
    plan, version = provenance["plan"], str(provenance["reported"]["launderbench"])
    parts = ("launderbench", version, protocol["name"], protocol["version"], plan["suite"])
    return {
        "format": FORMAT,
        "name": run_folders.plain("-".join(map(str, parts)))[: run_folders.LONGEST_NAME],
        "launderbench": version,
        "written": provenance["reported"]["written"],
        "schema": facts.get("schema", UNVERSIONED),
        "data": {
            "name": protocol["name"],
            "version": protocol["version"],
            "trial_digest": protocol["trial_digest"],
            "audio_digest": protocol["audio_digest"],
            "tracks": dict(protocol["track_trial_digests"]),
        },
        "suite": plan["suite"],
        "seed": plan["seed"],
        "scope": facts["choices"].get("scope", "both"),
        "run_digest": facts.get("run_digest"),
        "commits": [list(commit) for commit in _commits(facts)],
        "conditions": [
            {key: item[key] for key in ("condition", "identity", "family")}
            for item in plan["conditions"]
        ],
        "detectors": {
            name: plan["detectors"].get(name, {}).get("identity", "") for name in facts["detectors"]
        },
        "remarks": remarks,
        "files": {name: _entry(content) for name, content in sorted(files.items())},
    }


def _commits(facts: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return every commit that computed scores ('' without git), and whether it was modified."""
    computed = facts["provenance"].get("computed", [])
    found = [(str(o.get("commit") or ""), bool(o.get("dirty"))) for o in computed]
    return [*dict.fromkeys(found)]


def _remarks(facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """Yield what a reader of the tables must know beside their numbers."""
    if facts["protocol"]["name"] == EMBEDDED:
        yield DEMO
    if OTHER_SCOPE in facts:
        shown, other = facts["choices"]["scope"], facts[OTHER_SCOPE]["scope"]
        yield f"tables of scope {shown} alone: those of scope {other} are a release of their own"
    if count := len(tables["failures"]):
        yield f"{count} failures, listed in failures.csv"
    if damaged := facts["provenance"].get(DAMAGED):
        yield f"{len(damaged)} damaged files were left out"
    board, cells = tables["leaderboard"], tables["conditions"]
    for name in board.loc[board["rank"].isna(), "detector"]:
        yield f"{name} is unranked: it lacks trials of a cell"
    refuted = cells.loc[cells["verdict"] == State.REFUTED, "condition"]
    for condition in dict.fromkeys(refuted):
        yield f"refuted, in no mean: {condition}"
    if any(dirty for _, dirty in _commits(facts)):
        yield "the code that computed the scores had changes that no commit holds"
    if not facts.get("run_digest"):
        yield "no run digest: these tables cannot be tied to scores"


def _entry(content: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _manifest_text(manifest: Mapping[str, Any]) -> bytes:
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()
