"""Several processes work in one run folder at the same moment: nothing is lost or changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.api import reporting
from benchmark.cli.main import main
from benchmark.inference import checkpoints
from benchmark.scores import manifest, unit_keys
from benchmark.scores.store import Store
from tests.support.places import TOY_PLUGIN
from tests.support.several_processes import SHARD, at_once

SUITE = "noise(kind=white, snr=10); lowpass(cutoff=4000)"
UNITS = 3 + 3 * 5  # shards of 5: 12 dev trials, 24 test trials
NAMES = ("comb", "random", "constant")


def weights(folder: Path) -> Path:
    path = folder / "comb.safetensors"
    checkpoints.save(path, {"sign": np.ones(1, np.float32)}, {"detector": "comb", "seed": 0})
    return path


def command(toy: Path, folder: Path, names: tuple[str, ...], *more: object) -> list[object]:
    given: list[object] = []
    if "comb" in names:
        given += ["--checkpoint", folder.parent / "comb.safetensors"]
    others = ",".join(name for name in names if name != "comb")
    given += ["--detectors", others] if others else []
    return [
        "run", "--plugin", TOY_PLUGIN, "--data", toy, *given, "--suite", SUITE, "--run", folder,
        "--workers", 0, "--samples", 0, *more,
    ]  # fmt: skip


def tables(folder: Path) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_keys, "SHARD", SHARD)
        assert main(["report", str(folder), "--samples", "0", "--bootstrap", "0"]) == 0
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


def require_equal(toy: Path, root: Path, names: tuple[str, ...]) -> None:
    """The folder in which all worked is sound, and its tables are those of one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_keys, "SHARD", SHARD)
        patch.setattr(reporting, "write", lambda *_: (None, [], []))
        assert main([*map(str, command(toy, root / "alone", names))]) == 0
        require_sound(root / "shared")
    assert list(Store(root / "shared").read_head()["detectors"]) == sorted(names)  # type: ignore[index]
    assert tables(root / "shared") == tables(root / "alone")


def require_sound(folder: Path) -> None:
    """Every process has listed what it wrote, and nothing is damaged, extra or left over."""
    found = Store(folder).scan()
    assert len({part.key for part in found.parts}) == UNITS
    assert not (found.damaged or found.unlisted or found.faults)
    logs = [path.name for path in (folder / "manifest").iterdir()]
    assert not [name for name in logs if name.endswith(manifest.RUNNING)]
    assert not list(folder.rglob(".*"))


def test_two_detectors_at_once(toy: Path, tmp_path: Path) -> None:
    weights(tmp_path)
    different(2, toy, tmp_path)


def different(count: int, toy: Path, root: Path) -> None:
    """Run `count` detectors at once, each in a process of its own, in one new folder."""
    names, folder = NAMES[:count], root / "shared"
    at_once([command(toy, folder, (name,)) for name in names], root / "start")
    require_equal(toy, root, names)


def shares(count: int, toy: Path, root: Path) -> None:
    """Run all shares of one plan at once, each in a process of its own, in one new folder."""
    folder = root / "shared"
    commands = [
        command(toy, folder, NAMES[:2], "--shard", f"{i}/{count}") for i in range(1, count + 1)
    ]
    at_once(commands, root / "start")
    require_equal(toy, root, NAMES[:2])
