"""What `verify` and `repeat` print, return and refuse; the table of falsifications is elsewhere."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmark.api import verification
from benchmark.cli.main import main
from benchmark.inference import checkpoints
from benchmark.report import report_check
from benchmark.runs import provenance
from benchmark.scores import manifest
from benchmark.scores.part_format import parquet_bytes
from benchmark.scores.store import MANIFEST, Store
from tests.support import tampering
from tests.support.places import TOY_PLUGIN
from tests.support.tampering import Scene


@pytest.fixture
def mine(original: Scene, tmp_path: Path) -> Scene:
    """A run that a test may change."""
    return tampering.copied(original, tmp_path)


def cli(command: str, *arguments: object) -> int:
    return main([command, "--plugin", str(TOY_PLUGIN), *map(str, arguments)])


def test_every_step_is_printed_and_so_is_what_was_used(
    original: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "found.json"
    assert cli("verify", original.folder, "--json", facts, "--digest", original.digest) == 0
    told = capsys.readouterr().out
    steps = [line.partition(":")[0] for line in told.splitlines()]
    assert steps[:6] == ["plan", "files", "verdicts", "cells", "report", "digest"]
    assert "--digest was used, --rescore was not used" in told and "consistently" in told
    assert "19 files of the report computed again from the parts, every byte" in told
    found = json.loads(facts.read_text())
    assert found["sound"] and found["digest_compared"] and found["rescored"] == 0
    assert found["run_digest"] == original.digest


def test_another_digest_fails(original: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("verify", original.folder, "--digest", "ab" * 32) == 1
    assert f"the run digest is {original.digest}, not abab" in capsys.readouterr().out
    assert cli("verify", original.folder, "--digest", "abc") == 2
    assert "64 hex digits" in capsys.readouterr().err


def test_the_digest_is_on_the_page_in_the_citation_and_in_both_files(
    original: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("leaderboard.html", "leaderboard.json", "run.json"):
        assert original.digest in (original.folder / name).read_text(), name
    assert cli("cite", original.folder) == 0
    note = next(t for t in capsys.readouterr().out.splitlines() if t.strip().startswith("note"))
    assert f"run digest {original.digest}" in note
    assert cli("report", original.folder, "--samples", 0, "--bootstrap", 100) == 0
    assert f"run digest {original.digest}" in capsys.readouterr().out
    original.report()


def test_the_digest_does_not_depend_on_how_units_are_spread(mine: Scene) -> None:
    before = manifest.read(mine.folder / MANIFEST)
    store = Store(mine.folder)
    noise = [part for part in before.parts if part.condition.startswith("noise")]
    tables = store.read(noise)
    rest = [*manifest.by_file(part for part in before.parts if part not in noise).values()]
    joined, units = tampering.pa.concat_tables(reversed(tables)), []
    start = 0
    for part in reversed(noise):
        units.append((part, start))
        start += part.rows
    meta = {
        "format": 5, "split": "test", "condition": noise[0].condition, "attempt": 0,
        "detectors": noise[0].detectors, "origin": noise[0].file.origin, "kind": "computed",
        "units": [[p.key, p.rows, p.failures, p.inputs] for p, _ in units],
    }  # fmt: skip
    content = parquet_bytes(joined, meta, dense=True)
    digest = tampering._sha_of(content)
    path = f"compact/noise-{digest[:16]}.parquet"
    (mine.folder / "compact").mkdir()
    (mine.folder / path).write_bytes(content)
    for part in noise:
        (mine.folder / part.path).unlink()
    file = tampering.replace(noise[0].file, path=path, sha256=digest, size=len(content))
    new = [tampering.replace(part, file=file, start=start) for part, start in units]
    manifest.join(mine.folder / MANIFEST, before.ended, [*rest, new])
    found = mine.verify()
    assert found.sound, [step.faults for step in found.steps]


def test_the_digest_changes_with_scores_and_thresholds(mine: Scene) -> None:
    (path,) = (mine.folder / "detectors").glob("comb-*.json")
    facts = json.loads(path.read_text())
    facts["training"]["dev_threshold"] = 0.5
    path.write_text(tampering.plan_files_text(facts))
    assert verification.run_digest_of(mine.folder) != mine.digest
    mine.report()
    found = tampering.look(mine.verify())
    assert found.steps == () and found.digest and "facts of its training" in found.rescore


def test_all_faults_are_listed_at_once(mine: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    tampering.flip(mine)
    tampering.edit("leaderboard.tex")(mine)
    tampering.add(mine)
    (mine.folder / "parts" / "note.txt").write_text("mine")
    first = next(iter((mine.folder / "detectors").glob("random-*.json")))
    first.rename(first.with_name("random-000000000000.json"))
    assert cli("verify", mine.folder) == 1
    told = capsys.readouterr().out
    for words in (
        "damaged: its SHA-256",
        "leaderboard.tex is not",
        "in no log of the manifest",
        "parts/note.txt is no part file",
        "is of another detector: 'random'",
    ):
        assert words in told, words


def test_parts_behind_a_link_are_verified(mine: Scene, tmp_path: Path) -> None:
    tampering.rewrite_parts(mine.folder, tampering.measured(("measured",)), True)
    before = {step.name: step for step in mine.verify(rescore=0).steps}
    place = mine.folder / Path(before["verdicts"].faults[0].partition(":")[0]).parent
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    (place / "above").symlink_to(mine.folder / "parts")
    found = {step.name: step for step in mine.verify(rescore=0).steps}
    assert found["verdicts"].faults == before["verdicts"].faults
    assert found["files"] == before["files"]


def test_other_versions_are_named_and_numbers_compared(
    mine: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = provenance.code()
    other = real | {"libraries": real["libraries"] | {"numpy": "9.9.9"}}
    monkeypatch.setattr(provenance, "code", lambda: other)
    (step,) = (s for s in mine.verify(rescore=0).steps if s.name == "report")
    assert not step.faults and "numpy" in step.notes[0] and "9.9.9" in step.notes[0]
    page = mine.folder / "leaderboard.md"
    page.write_text(page.read_text().replace("rank", "place"))
    (step,) = (s for s in mine.verify(rescore=0).steps if s.name == "report")
    assert step.faults[0] == "leaderboard.md has not the SHA-256 in run.json"
    tampering.edit("leaderboard.csv")(mine)
    (step,) = (s for s in mine.verify(rescore=0).steps if s.name == "report")
    assert any("cell" in fault for fault in step.faults)
    assert any("written with numpy" in fault for fault in step.faults)


@pytest.mark.parametrize(
    ("name", "stored", "made", "differs"),
    [
        ("a.csv", "x,0.5\n", "x,0.5000000000001\n", False),
        ("a.csv", "x,0.5\n", "x,0.500001\n", True),
        ("a.csv", "x,0.5\n", "y,0.5\n", True),
        ("a.csv", "x,0.5\n", "x,0.5\ny,0.6\n", True),
        ("a.tex", "EER 5.0 here", "EER of 5.0 there", False),
        ("a.tex", "EER 5.0", "EER 5.1", True),
        ("a.json", '{"a": 1.0}', '{"a": 1.00}', False),
        ("a.json", '{"a": 1.0}', '{"b": 1.0}', True),
        ("a.json", '{"a": "02b"}', '{"a": "2b"}', True),
        ("a.json", '{"a": 1.0', '{"a": 1.0 }', True),
        ("a.tex", "speaker 02", "speaker 2", True),
        ("a.tex", "mel & 5.0", "the mel & 5.0", False),
        ("a.tex", "mel & 5.0, raw\\_1 & 6.0", "raw\\_1 & 5.0, mel & 6.0", True),
    ],
)
def test_numbers_are_compared_under_other_versions(
    name: str, stored: str, made: str, differs: bool
) -> None:
    said, unequal = report_check.differences(
        name, stored.encode(), made, same_versions=False, names=("mel", "raw_1")
    )
    assert bool(said) == differs and unequal
    assert report_check.differences(name, stored.encode(), made, same_versions=True)[0]
    assert report_check.differences(name, made.encode(), made, True) == ("", False)


def test_replaced_and_missing_audio_is_named(
    mine: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = shutil.copytree(mine.corpus, tmp_path / "toy")
    store = Store(mine.folder)
    head = store.read_head()
    assert head is not None
    store.write_head({**head, "data_root": str(corpus)}, store.read_trials(head))
    assert cli("verify", mine.folder, "--recheck-audio") == 0
    assert "144 audio files" in capsys.readouterr().out
    shutil.copy(corpus / "flac" / "test_0000.flac", corpus / "flac" / "test_0002.flac")
    (corpus / "flac" / "test_0004.flac").unlink()
    asked = ("--checkpoint", mine.checkpoint, "--rescore", 400, "--device", "cpu")
    assert cli("verify", mine.folder, "--recheck-audio", *asked) == 1
    told = capsys.readouterr().out
    assert "test_0004.flac is not at hand" in told
    assert "test_0002.flac is not the one that was scored" in told
    assert "test_0002.flac is not the file that was scored" in told


def test_rescoring_says_what_is_missing(
    original: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("verify", original.folder, "--rescore", 3, "--device", "cpu") == 1
    told = capsys.readouterr().out
    assert "comb cannot score here: no checkpoint of its identity is here" in told
    assert "3 scores of 3 random utterances x conditions" in told  # those of the other detector


def test_a_seed_makes_other_choices() -> None:
    one, two = (verification.verify_rescore.picks(100, 9, 20, "ab", seed) for seed in (0, 1))
    assert one == verification.verify_rescore.picks(100, 9, 20, "ab", 0) != two
    assert len({*one}) == 20 and len(verification.verify_rescore.picks(2, 2, 9, "", 0)) == 4


@pytest.mark.parametrize("samples", [None, b"8 digits"])
def test_changed_checks_are_found_although_the_digests_of_samples_were_changed_too(
    mine: Scene, samples: bytes | None
) -> None:
    def change(table: pa.Table, meta: tampering.Meta) -> tuple[pa.Table, tampering.Meta]:
        table, meta = tampering.measured(("measured", "claimed"))(table, meta)
        place = table.column_names.index("samples")
        digests = pa.array([samples] * len(table), pa.binary(8))
        return table.set_column(place, "samples", digests), meta

    tampering.rewrite_parts(mine.folder, change, True)
    mine.report()
    *_, step = mine.verify(digest="").steps
    assert step.name == "rescore" and any("999.0" in fault for fault in step.faults)
    assert any("no digest" in fault for fault in step.faults) == (samples is None)


def test_whoever_falsified_a_run_does_not_know_what_is_looked_at(
    original: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--rescore", 1, "--checkpoint", original.checkpoint, "--device", "cpu", "--json", "-")
    seeds = []
    for _ in range(2):
        assert cli("verify", original.folder, *given) == 0
        seeds.append(json.loads(capsys.readouterr().out)["seed"])
    assert seeds[0] != seeds[1]


def test_a_repetition_gives_the_same_scores(
    mine: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--checkpoint", mine.checkpoint, "--device", "cpu", "--workers", 0)
    assert cli("repeat", mine.folder, *given) == 0
    told = capsys.readouterr().out
    assert "every score is the same" in told and "samples: 408 laundered" in told
    assert cli("verify", f"{mine.folder}-repeat") == 0
    tampering.rewrite_parts(mine.folder, tampering.perfect, True)
    assert cli("repeat", mine.folder, *given) == 1
    assert "differ, 0 are in one run only" in capsys.readouterr().out


def test_a_repetition_names_the_detectors_that_are_not_at_hand(
    mine: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    other = mine.folder.with_name("other.safetensors")
    checkpoints.save(other, {"sign": -np.ones(1, np.float32)}, {"detector": "comb"})
    asked = ("--checkpoint", other, "--device", "cpu", "--workers", 0, "--out")
    assert cli("repeat", mine.folder, *asked, mine.folder.with_name("again")) == 0
    assert "not repeated: comb (no checkpoint of its identity" in capsys.readouterr().out
    assert cli("repeat", mine.folder, *asked, mine.folder) == 2


@pytest.mark.parametrize("command", ["verify", "repeat"])
def test_bad_folders_cost_one_line(
    command: str, mine: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pointer = mine.folder / "plan.json"
    (tmp_path / "empty").mkdir()
    for folder, words in ((tmp_path / "none", "no"), (tmp_path / "empty", "holds no run")):
        assert cli(command, folder) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1
    for content, words in (("{", "damaged"), ("[]", "damaged"), ('{"format": 6}', "newer"),
                           ('{"format": "x"}', "another version")):  # fmt: skip
        pointer.write_text(content)
        assert cli(command, mine.folder) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1


@pytest.mark.parametrize("lost", ["plans", "trials", "detectors", "origins", "manifest", "parts"])
def test_a_half_copied_folder_is_no_traceback(lost: str, mine: Scene) -> None:
    shutil.rmtree(mine.folder / lost)
    assert cli("verify", mine.folder) == 1


@pytest.mark.parametrize("what", ["parts", "plans", "plan.json", "detectors", "manifest", "trials"])
def test_random_damage_is_found_and_no_traceback(what: str, mine: Scene) -> None:
    rng = random.Random(what)
    files = [mine.folder / what] if "." in what else sorted((mine.folder / what).rglob("*.*"))
    for number in range(3):
        path = rng.choice(files)
        sound = path.read_bytes()
        path.write_bytes(damaged(sound, rng, number))
        known = (0, 1, 2) if what == "trials" else (1, 2)  # their digest is over values alone
        assert cli("verify", mine.folder) in known, (path, number)
        path.write_bytes(sound)


def damaged(content: bytes, rng: random.Random, kind: int) -> bytes:
    """Cut off, flip a bit of, or overwrite a part of a file's content."""
    place = rng.randrange(len(content) - 8)
    if kind % 3 == 0:
        return content[:place]
    if kind % 3 == 1:
        return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
    return content[:place] + rng.randbytes(8) + content[place + 8 :]


def test_marks_of_samples_are_on_every_page_once(original: Scene) -> None:
    page = (original.folder / "leaderboard.html").read_text()
    assert len(re.findall("<!-- samples (begin|end) -->", page)) == 2
