"""A run on a toy corpus, every way to falsify it, and what `verify` says of each, as a table.

`python -m tests.support.tampering` prints the table in Markdown.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attacks.contract.base import registry as attack_registry
from benchmark.api import matrix, reporting, verification
from benchmark.api.verification import Verification, VerifyOptions
from benchmark.core.stage_timer import StageTimer
from benchmark.data.data_config import DataConfig
from benchmark.data.protocol import trial_digest
from benchmark.inference import checkpoints
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.detectors_at_hand import GivenFiles
from benchmark.runs.run_config import ExecutionConfig, ReportConfig, RunConfig
from benchmark.scores import manifest, plan_files
from benchmark.scores.manifest import PartFile, PartInfo
from benchmark.scores.part_format import META, parquet_bytes, parsed
from benchmark.scores.store import MANIFEST, Store
from benchmark.scores.unit_keys import SHARD, UnitKeys, shards
from benchmark.workers.context import ProcessContext
from tests.support import builders
from tests.support.places import TOY_PLUGIN

SUITE = "clean; noise(kind=white, snr=10); lowpass(cutoff=4000)"
REPORT = ReportConfig(resamples=0, samples=0)
RESCORED = 80  # of 396; a part of 64 utterances is then missed once in a million times
Meta = dict[str, Any]
Change = Callable[[pa.Table, Meta], tuple[pa.Table, Meta]]


@dataclass(frozen=True)
class Scene:
    """A run to falsify, another run of the same trials, and what rescoring needs."""

    folder: Path
    other: Path
    corpus: Path
    checkpoint: Path
    digest: str

    def verify(self, **options: Any) -> Verification:
        """Verify the run with its true digest, and with random utterances scored again."""
        asked: dict[str, Any] = {"digest": self.digest, "rescore": RESCORED} | options
        given = GivenFiles((self.checkpoint,))
        *_, found = verification.verify(
            self.folder, VerifyOptions(given=given, device="cpu", **asked)
        )
        assert isinstance(found, Verification)
        return found

    def report(self) -> None:
        """Write the report of what is in the folder now."""
        reporting.write(self.folder, REPORT)


@dataclass(frozen=True)
class Tamper:
    """One falsification, and what must find it.

    steps   : the steps of a plain verification that find it; () if none can
    digest  : whether --digest finds it
    rescore : whether --rescore finds it
    """

    name: str
    act: Callable[[Scene], None]
    steps: tuple[str, ...]
    digest: bool
    rescore: bool


@dataclass(frozen=True)
class Seen:
    """What a verification said of one falsification: the first fault of each kind, or ''."""

    steps: tuple[str, ...]
    plain: str
    digest: str
    rescore: str


def scene(root: Path) -> Scene:
    """Make the corpus, the detector and both runs in `root`."""
    os.environ.setdefault("LAUNDERBENCH_CACHE", str(root / "cache"))
    corpus = builders.corpus(root / "toy", test=132, dev=12, seconds=0.5)
    checkpoint = root / "comb.safetensors"
    checkpoints.save(checkpoint, {"sign": np.ones(1, np.float32)}, {"detector": "comb"})
    context = ProcessContext((TOY_PLUGIN,))
    context.enter()
    for name, seed in (("run", 0), ("other", 1)):
        config = RunConfig(
            DataConfig(corpus),
            SUITE,
            DetectorChoice(("random",), (checkpoint,), device="cpu"),
            seed,
            run=str(root / name),
            context=context,
        )
        matrix.run(config, ExecutionConfig(0), REPORT, StageTimer())
    found = Scene(root / "run", root / "other", corpus, checkpoint, "")
    return replace(found, digest=verification.run_digest_of(found.folder))


def copied(original: Scene, root: Path) -> Scene:
    """Copy the runs of a scene, so that they can be falsified."""
    for folder in (original.folder, original.other):
        shutil.copytree(folder, root / folder.name)
    return replace(original, folder=root / "run", other=root / "other")


def look(found: Verification) -> Seen:
    """Sort what a verification found by what it took to find it."""
    plain: list[tuple[str, str]] = []
    digest = rescore = ""
    for step in found.steps:
        for fault in step.faults:
            if "as --digest says" in fault:
                digest = digest or fault
            elif step.name == "rescore":
                rescore = rescore or fault
            else:
                plain.append((step.name, fault))
    steps = tuple(dict.fromkeys(name for name, _ in plain))
    return Seen(steps, plain[0][1] if plain else "", digest, rescore)


# Ways to change files


def edit(name: str, old: str = "", new: str = "") -> Callable[[Scene], None]:
    """Replace a text of a file, by default the first digit after the point of a number."""

    def act(scene: Scene) -> None:
        path = scene.folder / name
        text = path.read_text()
        if old:
            assert old in text
            text = text.replace(old, new, 1)
        else:
            place = next(i + 1 for i, c in enumerate(text) if text[i : i + 2] in DIGITS)
            text = text[:place] + ("3" if text[place] != "3" else "4") + text[place + 1 :]
        path.write_text(text)

    return act


DIGITS = tuple(f".{digit}" for digit in range(10))


def edit_with_digest(scene: Scene) -> None:
    """Edit a table, and its digest in run.json."""
    path, facts = scene.folder / "leaderboard.csv", scene.folder / "run.json"
    old = _sha(path)
    edit("leaderboard.csv")(scene)
    facts.write_text(facts.read_text().replace(old, _sha(path)))


def page_figure(scene: Scene) -> None:
    """Change a percentage in the page."""
    path = scene.folder / "leaderboard.html"
    text = path.read_text()
    place = text.index(" % on clean audio")
    path.write_text(text[: place - 1] + ("1" if text[place - 1] != "1" else "2") + text[place:])


def parts(scene: Scene, condition: str = "noise") -> list[PartInfo]:
    """Return the whole shards of a condition that begins so."""
    every = Store(scene.folder).scan().parts
    return [p for p in every if p.condition.startswith(condition) and p.rows == SHARD]


def rewrite(change: Change, listed: bool, reported: bool) -> Callable[[Scene], None]:
    """Change what parts hold; with `listed` their names and the manifest too, then the report."""

    def act(scene: Scene) -> None:
        rewrite_parts(scene.folder, change, listed)
        if reported:
            scene.report()

    return act


def rewrite_parts(folder: Path, change: Change, listed: bool) -> None:
    """Change tables and footers of parts, and what names and lists them if that is asked for."""
    before = manifest.read(folder / MANIFEST)
    files: list[list[PartInfo]] = []
    for path, units in manifest.by_file(before.parts).items():
        content = (folder / path).read_bytes()
        meta = json.loads(pq.read_metadata(pa.BufferReader(content)).metadata[META])
        table, new = change(parsed(content, None, path), copy.deepcopy(meta))
        changed = parquet_bytes(table, new)
        if not listed:
            (folder / path).write_bytes(changed)
            continue
        (folder / path).unlink()
        digest = _sha_of(changed)
        key = new["units"][0][0]
        place = f"parts/{key[:2]}/{key}-{digest[:16]}.parquet"
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_bytes(changed)
        file = PartFile(
            place, digest, len(changed), new["split"], new["condition"], new["detectors"],
            new["origin"], new["kind"], new["attempt"],
        )  # fmt: skip
        assert len(units) == 1
        files.append([PartInfo(file, key, 0, *new["units"][0][1:])])
    if listed:
        manifest.join(folder / MANIFEST, before.ended, files)


def perfect(table: pa.Table, meta: Meta) -> tuple[pa.Table, Meta]:
    """Give every spoof (odd number) a low score, every bona fide trial a high one."""
    ids = table["utterance_id"].to_pylist()
    scores = pa.array([-3.0 if int(uid[-1]) % 2 else 3.0 for uid in ids], pa.float32())
    for number, name in enumerate(table.column_names):
        if name.startswith("score:"):
            table = table.set_column(number, name, scores)
    return table, meta


def measured(fields: tuple[str, ...]) -> Change:
    """Set these numbers of every check to 999."""

    def change(table: pa.Table, meta: Meta) -> tuple[pa.Table, Meta]:
        lists = table["checks"].to_pylist()
        for checks in lists:
            for check in checks:
                check |= dict.fromkeys(fields, 999.0)
        place = table.column_names.index("checks")
        kind = table.schema.field("checks").type
        return table.set_column(place, "checks", pa.array(lists, kind)), meta

    return change


def change_plan(scene: Scene, change: Callable[[pd.DataFrame, Meta], pd.DataFrame]) -> None:
    """Change trials or plan, and give every file the name and digest that it then has."""
    folder, store = scene.folder, Store(scene.folder)
    head = store.read_head()
    assert head is not None
    trials = store.read_trials(head)
    old_keys = _keys(head, trials)
    new = copy.deepcopy(head)
    changed = change(trials.copy(), new)
    for split, name in (("test", "trial_digest"), ("dev", "dev_digest")):
        new[name] = trial_digest(changed[changed["split"] == split])
    renamed = dict(zip(old_keys, _keys(new, changed), strict=True))

    def rekey(table: pa.Table, meta: Meta) -> tuple[pa.Table, Meta]:
        meta["units"] = [[renamed[unit[0]], *unit[1:]] for unit in meta["units"]]
        return table, meta

    rewrite_parts(folder, rekey, True)
    for place in ("plans", "trials"):
        shutil.rmtree(folder / place)
    store.write_head(new, changed)
    scene.report()


def _keys(head: Meta, trials: pd.DataFrame) -> list[str]:
    found = []
    for split, name in (("test", "trial_digest"), ("dev", "dev_digest")):
        table = trials[trials["split"] == split]
        identities = [c["identity"] for c in head["conditions"]]
        keys = UnitKeys(table, head[name], identities, head["seed"], head["data_recipe"])
        for start, stop in shards(len(table)):
            found += keys.of(start, stop)
    return found


def change_trials(column: str, value: str, whole: bool) -> Callable[[Scene], None]:
    """Change a fact of the first spoof; with `whole` everything that depends on it."""

    def change(trials: pd.DataFrame, _: Meta) -> pd.DataFrame:
        place = trials.index[(trials["split"] == "test") & (trials["label"] == "spoof")][:9]
        trials.loc[place, column] = value
        return trials

    def act(scene: Scene) -> None:
        if whole:
            change_plan(scene, change)
            return
        (path,) = (scene.folder / "trials").glob("*.parquet")
        changed = change(pq.read_table(path).to_pandas(), {})
        pq.write_table(pa.Table.from_pandas(changed, preserve_index=False), path)

    return act


def change_identity(whole: bool) -> Callable[[Scene], None]:
    """Say that other weights of a detector scored; with `whole` in parts and manifest too."""

    def act(scene: Scene) -> None:
        (path,) = (scene.folder / "detectors").glob("comb-*.json")
        facts = json.loads(path.read_text())
        old = facts["identity"]
        new = old[:-4] + ("beef" if not old.endswith("beef") else "cafe")
        path.write_text(plan_files_text(facts | {"identity": new}))
        if whole:

            def change(table: pa.Table, meta: Meta) -> tuple[pa.Table, Meta]:
                meta["detectors"] = {
                    new if i == old else i: n for i, n in meta["detectors"].items()
                }
                return table, meta

            rewrite_parts(scene.folder, change, True)
            scene.report()

    return act


def plan_files_text(facts: Meta) -> str:
    """Return facts as they are written in a run folder."""
    return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def other_weights(scene: Scene) -> None:
    """Replace the checkpoint at hand by one with other weights."""
    checkpoints.save(scene.checkpoint, {"sign": -np.ones(1, np.float32)}, {"detector": "comb"})


def change_origin(whole: bool) -> Callable[[Scene], None]:
    """Say that other code (a plugin's source) made the scores."""

    def act(scene: Scene) -> None:
        (path,) = (scene.folder / "origins").glob("*.json")
        facts = json.loads(path.read_text()) | {"plugins": {"toy_plugin.py": "ab" * 32}}
        if not whole:
            path.write_text(plan_files_text(facts))
            return
        path.unlink()
        digest = plan_files.write_origin(scene.folder, facts)
        rewrite_parts(scene.folder, lambda t, m: (t, m | {"origin": digest}), True)
        scene.report()

    return act


def other_plugin(scene: Scene) -> None:
    """Change the code of an attack, as its version says."""
    cls = attack_registry.get("lowpass")
    cls.version = cls.version + 1  # put back by `Restored`


def remove(scene: Scene) -> None:
    """Remove a part."""
    (scene.folder / parts(scene)[0].path).unlink()


def add(scene: Scene) -> None:
    """Put a part of another run among the parts."""
    part = Store(scene.other).scan().parts[0]
    place = scene.folder / part.path
    place.parent.mkdir(exist_ok=True)
    shutil.copy(scene.other / part.path, place)


def swap(listed: bool) -> Callable[[Scene], None]:
    """Put the same unit of another run in the place of a part."""

    def act(scene: Scene) -> None:
        mine = parts(scene)[0]
        ids = _ids(scene.folder, mine)
        every = [p for p in Store(scene.other).scan().parts if p.condition == mine.condition]
        theirs = next(p for p in every if _ids(scene.other, p) == ids)
        shutil.copy(scene.other / theirs.path, scene.folder / mine.path)
        if listed:
            relist(scene, {mine.path: theirs.file})

    return act


def swap_two(listed: bool) -> Callable[[Scene], None]:
    """Exchange two parts of one condition."""

    def act(scene: Scene) -> None:
        a, b = parts(scene)
        first, second = ((scene.folder / p.path).read_bytes() for p in (a, b))
        (scene.folder / a.path).write_bytes(second)
        (scene.folder / b.path).write_bytes(first)
        if listed:
            relist(scene, {a.path: b.file, b.path: a.file})

    return act


def relist(scene: Scene, contents: dict[str, PartFile]) -> None:
    """List files with the size and SHA-256 of what they hold now."""
    before = manifest.read(scene.folder / MANIFEST)
    files = []
    for path, units in manifest.by_file(before.parts).items():
        if path in contents:
            new = contents[path]
            file = replace(units[0].file, sha256=new.sha256, size=new.size)
            units = [replace(unit, file=file) for unit in units]
        files.append(units)
    manifest.join(scene.folder / MANIFEST, before.ended, files)


def flip(scene: Scene) -> None:
    """Flip one bit in a part."""
    path = scene.folder / parts(scene)[0].path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def damage_manifest(scene: Scene) -> None:
    """Change a character in a line of the manifest."""
    (path,) = (scene.folder / MANIFEST).glob("*.log")
    lines = path.read_text().split("\n")
    place = next(n for n, line in enumerate(lines) if parts(scene)[0].path in line)
    lines[place] = lines[place].replace('"bytes":', '"bytes":1', 1)
    path.write_text("\n".join(lines))


def other_seed(scene: Scene) -> None:
    """Claim another seed of the attacks in the plan."""

    def change(trials: pd.DataFrame, plan: Meta) -> pd.DataFrame:
        plan["seed"] = 5
        return trials

    change_plan(scene, change)


def _ids(folder: Path, part: PartInfo) -> list[str]:
    (table,) = Store(folder).read([part], ["utterance_id"])
    found: list[str] = table["utterance_id"].to_pylist()
    return found


def _sha(path: Path) -> str:
    return _sha_of(path.read_bytes())


def _sha_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


REPORTED, GONE = ("report",), ("files", "cells", "report", "digest")
UNREAD = ("plan", "cells", "digest")
TAMPERS = (
    Tamper("nothing", lambda _: None, (), False, False),
    Tamper("CSV edited", edit("leaderboard.csv"), REPORTED, False, False),
    Tamper("CSV edited, and its SHA-256 in run.json", edit_with_digest, REPORTED, False, False),
    Tamper("LaTeX edited", edit("leaderboard.tex"), REPORTED, False, False),
    Tamper("Markdown edited", edit("leaderboard.md"), REPORTED, False, False),
    Tamper("JSON edited", edit("leaderboard.json"), REPORTED, False, False),
    Tamper("page: a figure edited", page_figure, REPORTED, False, False),
    Tamper("page: its samples edited", edit("leaderboard.html", "Before and after</h2>",
           "Before</h2>"), REPORTED, False, False),
    Tamper("run.json: another trial digest", edit("run.json", '"trial_digest": "',
           '"trial_digest": "0'), REPORTED, False, False),
    Tamper("run.json removed", lambda s: (s.folder / "run.json").unlink(), REPORTED, False, False),
    Tamper("scores made perfect in valid Parquet", rewrite(perfect, False, False),
           ("files", "cells", "digest"), True, True),
    Tamper("scores made perfect; manifest rewritten", rewrite(perfect, True, False),
           ("report", "digest"), True, True),
    Tamper("scores made perfect; manifest, report rewritten", rewrite(perfect, True, True),
           (), True, True),
    Tamper("measurements 999; manifest, report rewritten",
           rewrite(measured(("measured",)), True, True), ("verdicts",), True, True),
    Tamper("measurements and claims 999; manifest, report rewritten",
           rewrite(measured(("measured", "claimed")), True, True), ("verdicts",), True, True),
    Tamper("speaker changed", change_trials("speaker", "someone", False), UNREAD, True, True),
    Tamper("speaker changed; plan, manifest, report rewritten",
           change_trials("speaker", "someone", True), (), True, False),
    Tamper("labels changed", change_trials("label", "bonafide", False), UNREAD, True, True),
    Tamper("labels changed; plan, keys, manifest, report rewritten",
           change_trials("label", "bonafide", True), (), True, False),
    Tamper("seed changed; plan, keys, manifest, report rewritten", other_seed, (), True, True),
    Tamper("weights: other identity of a detector", change_identity(False),
           ("cells", "report", "digest"), True, True),
    Tamper("weights: other identity; parts, manifest, report rewritten", change_identity(True),
           (), True, True),
    Tamper("weights: checkpoint at hand replaced", other_weights, (), False, True),
    Tamper("plugin: other SHA-256 in the origin", change_origin(False), UNREAD, True, False),
    Tamper("plugin: other SHA-256; parts, manifest, report rewritten", change_origin(True),
           (), True, False),
    Tamper("plugin: an attack at hand replaced", other_plugin, (), False, True),
    Tamper("part removed", remove, GONE, True, True),
    Tamper("part of another run added", add, ("files",), False, False),
    Tamper("part swapped with that of another run", swap(False), GONE, True, True),
    Tamper("part swapped with that of another run; manifest rewritten", swap(True),
           ("files", "report", "digest"), True, True),
    Tamper("two parts exchanged", swap_two(False), GONE, True, True),
    Tamper("two parts exchanged; manifest rewritten", swap_two(True), ("files",), False, True),
    Tamper("bit flipped in a part", flip, GONE, True, True),
    Tamper("line of the manifest changed", damage_manifest, GONE, True, True),
)  # fmt: skip


class Restored:
    """Put back what falsifications change outside the run folder."""

    def __init__(self, original: Scene) -> None:
        self._checkpoint = original.checkpoint
        self._content = original.checkpoint.read_bytes()
        self._attack = attack_registry.get("lowpass")
        self._version = self._attack.version

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._checkpoint.write_bytes(self._content)
        self._attack.version = self._version


def row(tamper: Tamper, seen: Seen) -> str:
    """Return one line of the table."""
    said = f"{', '.join(seen.steps)}: {_short(seen.plain)}" if seen.steps else "holds"
    cells = (tamper.name, said, _short(seen.digest) or "holds", _short(seen.rescore) or "holds")
    return f"| {' | '.join(cells)} |"


def expected() -> str:
    """Return the table of what must find each falsification, as docs/results-format.md has it."""
    lines = [
        "| what was done | steps that find it | `--digest` | `--rescore` |",
        "|---|---|---|---|",
    ]
    for tamper in TAMPERS:
        found = ", ".join(f"`{step}`" for step in tamper.steps) or "-"
        marks = ("finds it" if does else "-" for does in (tamper.digest, tamper.rescore))
        lines.append(f"| {tamper.name} | {found} | {' | '.join(marks)} |")
    return "\n".join(lines)


def head() -> str:
    """Return the head of the table."""
    return "| what was done | `verify` | `--digest` | `--rescore 80` |\n|---|---|---|---|"


def _short(text: str, most: int = 110) -> str:
    flat = " ".join(text.replace("|", "\\|").split())
    return flat if len(flat) <= most else f"{flat[:most]}..."


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAUNDERBENCH_CACHE"] = f"{folder}/cache"
        original = scene(Path(folder))
        print(head())
        for number, tamper in enumerate(TAMPERS):
            mine = copied(original, Path(folder) / str(number))
            with Restored(original):
                tamper.act(mine)
                print(row(tamper, look(mine.verify())), flush=True)


if __name__ == "__main__":
    main()
