"""A release: one archive, the same bytes for the same tables, and every change refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.api.results import load_results
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.report import bibtex, releases, writer
from benchmark.scores.run_results import RunResults
from tests.support import synthetic_run
from tests.support.places import GOLDEN, ROOT
from tests.support.synthetic_run import replace

REFERENCE = ROOT / "results" / "reference"
KEPT = GOLDEN / "release-1.zip"  # written when format 1 began; it must stay readable
KEPT_DIGEST = "c8ac5e7e9ec593b3020968670ce36590c3af33605ad6beb2895567a6d41f7000"
KEEP = ("clean", "reverb(rt60=0.9)", "mp3(kbps=16)")


def small(broken: bool) -> RunResults:
    """Return a run of three conditions and two detectors, as the runner leaves its provenance."""
    run = synthetic_run.broken(synthetic_run.run()) if broken else synthetic_run.run()
    detectors = ("rawcnn", "shortcut")
    rows, effects = run.source.score_rows, run.source.effect_rows
    conditions = tuple(info for info in run.conditions if info.condition in KEEP)
    plan = {
        "suite": "mine",
        "seed": 0,
        "data": run.protocol.name,
        "trial_digest": run.protocol.digest(),
        "conditions": [
            {"condition": i.condition, "identity": f"{i.condition}#v1", "family": i.family}
            for i in conditions
        ],
        "detectors": {name: {"identity": f"{name}|v1", "training": {}} for name in detectors},
    }
    origin = {"launderbench": "0.1.0", "commit": "c" * 40, "dirty": False}
    written = origin | {"written": "2026-11-20T13:46:12+00:00"}
    return replace(
        run,
        conditions=conditions,
        detectors=detectors,
        scores=rows[rows["condition"].isin(KEEP) & rows["detector"].isin(detectors)],
        effects=effects[effects["condition"].isin(KEEP)],
        provenance={"plan": plan, "computed": [origin], "reported": written},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run") / "mine"
    writer.write(small(broken=False), made)
    return made


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    return releases.write(releases.of_folder(folder), folder.parent / "out")


def test_the_same_tables_give_the_same_bytes(folder: Path, archive: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    again = releases.of_folder(tmp_path / "elsewhere")
    assert again.archive() == archive.read_bytes()
    assert again.name == archive.name and again.digest[:12] in archive.name


def test_line_ends_of_a_checkout_change_nothing(
    archive: Path, folder: Path, tmp_path: Path
) -> None:
    for path in shutil.copytree(folder, tmp_path / "crlf").iterdir():
        if path.suffix in (".csv", ".json", ".md", ".tex"):
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert releases.of_folder(tmp_path / "crlf").archive() == archive.read_bytes()


def test_it_holds_tables_and_conditions_but_no_page(archive: Path, folder: Path) -> None:
    made = releases.read(archive)
    facts = json.loads((folder / "run.json").read_text())
    listed = {*facts["tables_sha256"], *facts["files_sha256"], "run.json"}
    assert {*made.files} == listed - {"leaderboard.html"}
    assert [one["condition"] for one in made.manifest["conditions"]] == [*KEEP]
    assert all(one["identity"].endswith("#v1") for one in made.manifest["conditions"])
    assert made.manifest["detectors"] == {"rawcnn": "rawcnn|v1", "shortcut": "shortcut|v1"}
    assert made.manifest["data"]["trial_digest"] == facts["protocol"]["trial_digest"]


def test_demo_data_and_failures_are_said(archive: Path, tmp_path: Path) -> None:
    assert releases.DEMO in releases.read(archive).remarks
    writer.write(small(broken=True), tmp_path / "run")
    remarks = releases.of_folder(tmp_path / "run").remarks
    assert any("failures, listed in failures.csv" in remark for remark in remarks)
    assert any(remark.startswith("rawcnn is unranked") for remark in remarks)
    assert "refuted, in no mean: reverb(rt60=0.9)" in remarks


def test_the_citation_names_version_and_digest(archive: Path) -> None:
    made = releases.read(archive)
    (entry,) = bibtex.parse(made.citation(), "test")
    assert made.digest in entry.get("note") and "Version 0.1.0" in entry.get("note")
    assert "demo data" in entry.get("note") and entry.get("year") == "2026"


def test_the_tables_are_read_from_the_archive(archive: Path, folder: Path) -> None:
    held, whole = load_results(archive), load_results(folder)
    assert held.leaderboard.equals(whole.leaderboard)
    assert held.conditions.equals(whole.conditions)


Change = Callable[[dict[str, bytes]], None]


def rezipped(archive: Path, out: Path, change: Change) -> Path:
    """Write the archive with changed files, as whoever changed it would."""
    with zipfile.ZipFile(archive) as file:
        held = {name: file.read(name) for name in file.namelist()}
    change(held)
    with zipfile.ZipFile(out, "w") as file:
        for name, content in held.items():
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out


def edited(name: str, old: bytes, new: bytes) -> Change:
    def change(held: dict[str, bytes]) -> None:
        assert old in held[name]
        held[name] = held[name].replace(old, new, 1)

    return change


def listed(name: str, **facts: Any) -> Change:
    """Change the manifest itself."""

    def change(held: dict[str, bytes]) -> None:
        manifest = json.loads(held[releases.MANIFEST])
        manifest[name] = facts["to"]
        held[releases.MANIFEST] = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"

    return change


CHANGES = {
    "a figure": (edited("leaderboard.csv", b"rawcnn", b"mylcnn"), "leaderboard.csv was changed"),
    "run.json": (edited("run.json", b'"seed": 0', b'"seed": 1'), "run.json was changed"),
    "a file less": (lambda held: held.pop("tracks.csv") and None, "tracks.csv is missing"),
    "a file more": (lambda held: held.update({"x.csv": b""}), "x.csv is not listed"),
    "the citation": (edited("CITATION.bib", b"authors", b"author"), "CITATION.bib was changed"),
    "no manifest": (lambda held: held.pop("MANIFEST.json") and None, "MANIFEST.json is missing"),
    "remarks": (listed("remarks", to=[]), "CITATION.bib was changed"),
    "conditions": (listed("conditions", to=[]), "MANIFEST.json was changed"),
    "files": (listed("files", to=3), "MANIFEST.json is not that of a release"),
    "newer": (listed("format", to=2), "is a release of format 2, and this LaunderBench reads"),
    "odd": (listed("format", to="1"), "which is no version"),
    "a path": (lambda held: held.update({"../x.csv": b""}), "it holds '../x.csv'"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_refused_with_the_name_of_the_file(
    name: str, archive: Path, tmp_path: Path
) -> None:
    change, said = CHANGES[name]
    changed = rezipped(archive, tmp_path / "changed.zip", change)
    with pytest.raises(InputError) as error:
        releases.read(changed)
    assert said in str(error.value) and "changed.zip" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_every_damage_is_refused(place: float, archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[int(place * len(content))] ^= 0x10
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.zip"):
        releases.read(damaged)
    damaged.write_bytes(archive.read_bytes()[: int(place * len(content))])
    with pytest.raises(InputError, match=r"damaged\.zip"):
        releases.read(damaged)
    damaged.write_bytes(archive.read_bytes() + b"more")
    with pytest.raises(InputError, match=r"damaged\.zip"):
        releases.read(damaged)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("MANIFEST.json", b"0" * 10_000_000)
    (tmp_path / "bomb.zip").write_bytes(out.getvalue())
    with pytest.raises(InputError, match="is no release"):
        releases.read(tmp_path / "bomb.zip")


def test_only_a_digest_from_elsewhere_finds_a_consistent_forgery(
    archive: Path, tmp_path: Path
) -> None:
    true = releases.read(archive)
    manifest = dict(true.manifest) | {"remarks": ["all is well"]}
    forged = releases.write(releases.Release(manifest, true.files), tmp_path)
    assert releases.read(forged).remarks == ["all is well"]
    with pytest.raises(InputError, match=f"has the digest .*, not {true.digest}"):
        releases.read(forged, true.digest)
    assert releases.read(archive, true.digest[:12].upper()).digest == true.digest
    with pytest.raises(InputError, match="has the digest"):
        releases.read(archive, true.digest[:4])  # too short to prove anything


def test_what_holds_no_report_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no run \(run.json is missing\)"):
        releases.of_folder(tmp_path)
    run = shutil.copytree(folder, tmp_path / "run")
    (run / "tracks.csv").write_text("changed\n")
    with pytest.raises(InputError, match=r"tracks.csv was changed since run.json was written"):
        releases.of_folder(run)
    (run / "tracks.csv").unlink()
    with pytest.raises(InputError, match=r"tracks.csv is missing, but run.json lists it"):
        releases.of_folder(run)
    facts = json.loads((folder / "run.json").read_text())
    facts["provenance"].pop("plan")
    bare = shutil.copytree(folder, tmp_path / "bare")
    (bare / "run.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"run.json is not that of a run \(no 'plan'\)"):
        releases.of_folder(bare)


def test_the_commands_write_cite_and_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["release", str(REFERENCE), "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.zip")
    digest = releases.read(path).digest
    assert digest in capsys.readouterr().out
    for what in (REFERENCE, path):
        assert main(["cite", str(what)]) == 0
        said = capsys.readouterr().out
        assert f"release digest {digest}; demo data" in said and "itu1988g711" in said
    assert main(["verify", str(path), "--digest", digest]) == 0
    assert main(["verify", str(path), "--digest", "0" * 64]) == 2
    assert main(["verify", str(path), "--rescore", "3"]) == 2
    assert "takes only --digest" in capsys.readouterr().err


def test_the_first_release_stays_readable() -> None:
    kept = releases.read(KEPT, KEPT_DIGEST)
    assert kept.archive() == KEPT.read_bytes()
    assert kept.manifest["launderbench"] == "0.1.0" and len(kept.manifest["conditions"]) == 3
    assert {"rawcnn", "shortcut"} == {*load_results(KEPT).leaderboard["detector"]}
