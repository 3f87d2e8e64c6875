"""Citations for a run: the harness, its suite, data sets, attacks and detectors.

The attribute `citation` of an attack or detector holds keys of `citations.bib`, separated by
spaces, or BibTeX entries. '' means that there is nothing to cite; None means that it is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from attacks.chains.stochastic import Composite
from attacks.contract.base import Attack
from attacks.contract.base import registry as attack_registry
from attacks.contract.condition import CLEAN, parse_from_file, split_steps
from benchmark.core import call_syntax
from benchmark.core.errors import InputError, unknown
from benchmark.data.protocol import SHORT_DIGEST, trial_digest
from benchmark.inference import published_weights
from benchmark.leaderboard.trial_sets import track_rows
from benchmark.report import bibtex
from benchmark.report.bibtex import Entry
from benchmark.scores.manifest import IMPORTED
from benchmark.scores.run_results import RunResults
from detectors.contract.base import registry as detector_registry

COMMIT = 12  # hex digits of a commit in a note
OURS = ("attacks", "detectors")  # packages of this project
FILE = Path(__file__).with_name("citations.bib")
SUITES = {
    "add-c": "shi2025addc",
    "asvspoof5": "wang2024asvspoof5",
    "corruptions": "li2025robustness",
    "laundering": "ali2024laundering",
    "laundering-as-published": "ali2024laundering",
    "media": "liu2023asvspoof2021",
    "pipelines": "balla_laundering",
    "severity": "hendrycks2019robustness",
    "telephony": "liu2023asvspoof2021",
    "full": "ali2024laundering li2025robustness liu2023asvspoof2021 hendrycks2019robustness"
    " wang2024asvspoof5 shi2025addc",
}
DATA = {
    "asvspoof-laundering": "ali2024laundering wang2020asvspoof2019",
    "asvspoof2019-la": "wang2020asvspoof2019",
    "asvspoof2019-pa": "wang2020asvspoof2019",
    "asvspoof2021-df": "liu2023asvspoof2021",
    "asvspoof2021-la": "liu2023asvspoof2021",
    "asvspoof5": "wang2024asvspoof5",
    "embedded": "lart_assistant brown2023speakerbox kong2020hifigan morise2016world"
    " griffin1984signal betker2023tortoise hexgrad_kokoro",
    "for-2sec": "reimao2019for",
    "for-norm": "reimao2019for",
    "for-original": "reimao2019for",
    "for-rerec": "reimao2019for",
    "for-rerecorded": "reimao2019for",
    "in-the-wild": "muller2022generalize",
    "librisevoc": "sun2023vocoder",
    "mlaad": "muller2024mlaad",
    "wavefake": "frank2021wavefake ito2017ljspeech",
}


@dataclass(frozen=True)
class CitedUse:
    """One use and the entries to cite for it; if `entries` is empty, `note` holds the reason."""

    whose: str
    entries: tuple[Entry, ...]
    note: str = ""


@dataclass(frozen=True)
class RunIdentity:
    """The code and the trials behind the numbers of a run, as named in its citation.

    commits : every distinct commit that computed scores ('' without a git checkout), and whether
              the tree was modified
    digest  : the run's trial digest, over the readable test trials of all tracks
    tracks  : the trial digest of each track, as its tables name it; empty without tracks
    run     : the run digest; '' if the run has none
    release : the release that holds the tables, in words; '' if none does
    """

    commits: tuple[tuple[str, bool], ...]
    digest: str
    tracks: dict[str, str]
    run: str = ""
    release: str = ""


@cache
def library() -> dict[str, Entry]:
    """Return all known entries by key, from `citations.bib` and the published weights.

    Raises `InputError` if two different entries have the same key.
    """
    found = {e.key: e for e in bibtex.parse(FILE.read_text(encoding="utf-8"), FILE.name)}
    for item in published_weights.index().values():
        for entry in bibtex.parse(item.citation, f"weights of {item.name}"):
            if found.setdefault(entry.key, entry) != entry:
                raise InputError(f"two different BibTeX entries have the key {entry.key!r}")
    return found


def resolve(citation: str | None, whose: str) -> tuple[Entry, ...]:
    """Return the entries of a `citation`; `InputError` names `whose` it is and the cause."""
    text = (citation or "").strip()
    if "@" in text:
        return tuple(bibtex.parse(text, f"citation of {whose}"))
    for key in text.split():
        if key not in library():
            raise unknown(f"citation key of {whose}", key, library())
    return tuple(library()[key] for key in text.split())


def mentions(citation: str | None, whose: str) -> Iterator[str]:
    """Yield one line per entry for a terminal: authors, title, year.

    If the citation of a plugin is neither keys nor BibTeX, its text is yielded unchanged.
    """
    try:
        entries = resolve(citation, whose)
    except InputError:
        yield " ".join(str(citation).split())
        return
    for entry in entries:
        authors = entry.get("author").split(" and ")
        first = re.sub(r"\\[^a-zA-Z]|[{}]", "", authors[0]).partition(",")[0]
        who = f"{first} et al." if len(authors) > 1 else first
        title = re.sub(r"[{}\\]", "", entry.get("title"))
        yield ", ".join(part for part in (who, title, entry.get("year")) if part)


def made(results: RunResults, run_digest: str = "") -> RunIdentity:
    """Return the commits and digests of a run, from its provenance and its trials."""
    origins = [o for o in results.provenance.get("computed", []) if "launderbench" in o]
    commits = [(origin.get("commit") or "", bool(origin.get("dirty"))) for origin in origins]
    protocol = results.protocol
    tracks = {
        name: trial_digest(protocol.table.iloc[track_rows(protocol, name)])
        for name in protocol.tracks()
    }
    return RunIdentity(tuple(dict.fromkeys(commits)), protocol.digest(), tracks, run_digest)


def of_run(
    head: dict[str, Any], version: str, identity: RunIdentity | None = None
) -> list[CitedUse]:
    """Return everything that the run with this head (`Store.read_head`) uses, the harness first.

    `identity` holds the facts that only the parts of the run contain. Raises `InputError` if an
    attack or a detector of the run is not registered here.
    """
    uses = [CitedUse("LaunderBench", (harness(head, version, identity),))]
    if identity is not None:
        commits = [commit for commit, _ in identity.commits if commit]
        uses += [CitedUse("computed by commit", (), commit) for commit in commits]
        uses.append(CitedUse("the run's trial digest", (), identity.digest))
        uses += [
            CitedUse(f"the trial digest of track {track}", (), digest)
            for track, digest in identity.tracks.items()
        ]
    if head["suite"] in SUITES:
        uses.append(_use(f"suite {head['suite']}", SUITES[head["suite"]]))
    trained = {str(item["training"].get("data", "")) for item in head["detectors"].values()}
    uses += [_data(name) for name in dict.fromkeys([str(head["data"]), *sorted(trained - {""})])]
    spelled = [item["condition"] for item in head["conditions"] if item["condition"] != CLEAN]
    used: dict[str, type[Attack]] = {}
    for condition in spelled:
        for name, cls in _attacks(condition):
            used.setdefault(name, cls)
    uses += [_use(f"attack {name}", used[name].citation, used[name]) for name in sorted(used)]
    for name in sorted(head["detectors"]):
        uses.append(_detector(name, head["detectors"][name]["training"]))
    return uses


def harness(head: dict[str, Any], version: str, identity: RunIdentity | None = None) -> Entry:
    """Return the entry of LaunderBench itself, with the facts needed to reproduce this run.

    The run's trial digest is shortened as in the captions of its tables.
    """
    digest = identity.digest if identity is not None else head["trial_digest"]
    commits = [
        f"commit {commit[:COMMIT] or 'unknown'}{' (modified tree)' if dirty else ''}"
        for commit, dirty in (identity.commits if identity is not None else ())
    ]
    code = "".join(f", {commit}" for commit in dict.fromkeys(commits))
    note = f"Version {version}{code}; suite {head['suite']}; the run's trial digest"
    note = f"{note} {digest[:SHORT_DIGEST]}"
    if identity is not None and identity.run:
        note += f"; run digest {identity.run}"
    if identity is not None and identity.release:
        note += f"; {identity.release}"
    note = bibtex.value_of(note)
    fields = (
        ("title", "{LaunderBench}: a robustness benchmark for audio-deepfake detectors"),
        ("author", "{The LaunderBench authors}"),
        ("year", "2026"),
        ("note", note),
    )
    return Entry("misc", "launderbench", fields)


def document(uses: Iterable[CitedUse]) -> str:
    """Return a BibTeX text with every entry once, in the order of its first use.

    A comment above each entry lists its uses. If an entry of a plugin differs from another entry
    with the same key, it gets a new key.
    """
    entries: dict[str, Entry] = {}
    reasons: dict[str, list[str]] = {}
    notes = []
    for use in uses:
        if use.note:
            notes.append(f"% {_plain(use.whose)}: {_plain(use.note)}")
        for entry in use.entries:
            unique = _with_free_key(entry, entries, use.whose)
            entries.setdefault(unique.key, unique)
            reasons.setdefault(unique.key, []).append(_plain(use.whose))
    blocks = [f"% for {', '.join(reasons[key])}\n{entry}" for key, entry in entries.items()]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])]) + "\n"


def _with_free_key(entry: Entry, taken: dict[str, Entry], whose: str) -> Entry:
    """Return the entry with its key, or a key built from `whose` if another entry has it."""
    if taken.get(entry.key, entry) == entry:
        return entry
    stem = f"{entry.key}-{re.sub(r'[^A-Za-z0-9]+', '-', whose).strip('-')}"
    named = entry.named(stem)
    number = 2
    while taken.get(named.key, named) != named:
        named, number = entry.named(f"{stem}-{number}"), number + 1
    return named


def _use(whose: str, citation: str | None, cls: type | None = None) -> CitedUse:
    note = "says nothing about what to cite" if citation is None else ""
    if citation is not None and not citation.strip():
        ours = cls is not None and cls.__module__.partition(".")[0] in OURS
        note = "LaunderBench's own: cite the harness" if ours else "has no source to cite"
    return CitedUse(whose, resolve(citation, whose), note)


def _data(name: str) -> CitedUse:
    whose = f"data set {name}"
    if name in DATA:
        return CitedUse(whose, resolve(DATA[name], whose))
    return CitedUse(whose, (), "is your own: cite where its audio comes from")


def _attacks(condition: str) -> Iterator[tuple[str, type[Attack]]]:
    """Yield name and class of every attack in a condition, including those inside composites."""
    for step in split_steps(condition, "|"):
        name = (call_syntax.call(step) or (step.strip(), ""))[0]
        if name not in attack_registry.names():
            raise InputError(
                f"the run's attack {name!r} is not registered here: give its --plugin FILE"
            )
        cls = attack_registry.get(name)
        yield name, cls
        if issubclass(cls, Composite):
            for part in parse_from_file(step, "this run").steps:
                assert isinstance(part, Composite)
                for inner in part.examples():
                    yield inner.name, type(inner)


def _detector(name: str, training: dict[str, Any]) -> CitedUse:
    """Return the citations of a detector, whose kind is read from its training facts."""
    whose = f"detector {name}"
    if IMPORTED in training:
        return CitedUse(whose, (), "its scores were imported: cite the system that made them")
    spelt = str(training.get("detector", name))
    kind = (call_syntax.call(spelt) or (spelt, ""))[0]
    known = detector_registry
    if not known.knows(spelt):
        raise InputError(
            f"the run's detector {kind!r} is not registered here: give its --plugin FILE"
        )
    configured = known.parametrised()
    if kind not in configured:
        cls = known.get(kind)
        return _use(whose, cls.citation, cls)
    note = "cite the model or the program that its parameters name"
    return CitedUse(whose, resolve(configured[kind].citation, whose), note)


def _plain(text: object) -> str:
    """Return text for a comment or a note: one line, without characters special to BibTeX."""
    flat = " ".join(str(text).split()).replace("@", "(at)")
    return re.sub(r"[{}%\\\"#$&~^]", "?", flat)
