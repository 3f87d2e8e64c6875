"""External detectors: ONNX, TorchScript, programs, packages, and the errors they raise."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmark import frontends
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.frontends import spec_syntax
from benchmark.frontends.specs import (
    Image,
    Keep,
    Lfcc,
    LogMel,
    Spectrogram,
    Waveform,
    WholeWaveform,
)
from benchmark.inference import checkpoints
from benchmark.inference.scorer import Scorer
from detectors.contract.base import registry
from detectors.contract.conformance import check
from detectors.external.readout import readout
from launderbench import load_scores
from tests.support import builders
from tests.support.places import ROOT

CPU = torch.device("cpu")
WAVES = [builders.voice(1, 0.6), builders.fake(2, 1.4), builders.voice(3, 1.0)]


class Rows(nn.Module):
    """Two logits from the power and mean of an input of any shape, or the power alone."""

    def __init__(self, single: bool = False) -> None:
        super().__init__()
        self.single = single

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        flat = batch.flatten(1)
        power = flat.square().mean(dim=1)
        if self.single:
            return power
        return torch.stack([power, 3 * flat.mean(dim=1) - 0.5 * power], dim=1)


def power(spec: object, waves: list[np.ndarray]) -> np.ndarray:
    """Return the logits of `Rows` for waves, computed with NumPy."""
    batch = frontends.batch(spec, waves, CPU).numpy().astype(np.float64)
    flat = batch.reshape(len(waves), -1)
    power = np.square(flat).mean(axis=1)
    return np.stack([power, 3 * flat.mean(axis=1) - 0.5 * power], axis=1)


def scored(spelling: str, waves: list[np.ndarray] = WAVES) -> np.ndarray:
    """Return the scores of a ready-made detector, computed by the scorer as in a run."""
    name = registry.get(spelling).name
    scores, causes = Scorer([checkpoints.ready_made(name)], CPU)(waves, [name])
    assert not causes, causes
    return scores[name]


def onnx_model(path: Path, shape: tuple[int | str, ...], **how: object) -> Path:
    """Write `Rows` as an ONNX model for an input of `shape`; `how` sets outputs and metadata."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    rows = shape[0]
    make = helper.make_node
    nodes = [
        make("Flatten", ["x"], ["flat"]),
        make("Mul", ["flat", "flat"], ["square"]),
        make("ReduceMean", ["square"], ["power"], axes=[1], keepdims=1),
        make("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        make("Mul", ["mean", "three"], ["scaled"]),
        make("Mul", ["power", "half"], ["halved"]),
        make("Sub", ["scaled", "halved"], ["other"]),
        make("Concat", ["power", "other"], ["logits"], axis=1),
    ]
    constants = {"three": np.float32([[3]]), "half": np.float32([[0.5]])}
    sizes = {"logits": 2, "power": 1}
    outputs = how.pop("outputs", ["logits"])
    graph = helper.make_graph(
        nodes,
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [rows, sizes[n]]) for n in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    helper.set_model_props(model, how.pop("metadata", {}))
    onnx.checker.check_model(model)
    onnx.save(model, path, **how)
    return path


@pytest.mark.parametrize("rows", ["batch", 1, 2])
@pytest.mark.parametrize("rank", [3, 4])
def test_onnx_scores_equal_the_formula(tmp_path: Path, rows: int | str, rank: int) -> None:
    spec = LogMel(Waveform(8000), mels=40)
    frames = frontends.batch(spec, WAVES[:1], CPU).shape[-1]
    shape = (rows, *((1,) if rank == 4 else ()), 40, frames)
    path = onnx_model(tmp_path / "m.onnx", shape)
    logits = power(spec, WAVES)
    for row in (0, 1):
        spelling = f'onnx(file="{path}", takes=log-mel(mels=40, samples=8000), bonafide={row})'
        wanted = logits[:, row] - logits[:, 1 - row]
        np.testing.assert_allclose(scored(spelling), wanted, rtol=1e-4)
    assert not [str(finding) for finding in check(registry.get(spelling))]


def test_onnx_metadata_declares_the_input_and_output(tmp_path: Path) -> None:
    metadata = {"launderbench.takes": "waveform(samples=8000, pad=zero)"}
    metadata |= {"launderbench.bonafide": "low", "launderbench.output": "power"}
    outputs = ["logits", "power"]
    path = onnx_model(tmp_path / "m.onnx", ("n", 8000), outputs=outputs, metadata=metadata)
    spec = Waveform(8000, pad="zero")
    cls = registry.get(f'onnx(file="{path}")')
    assert cls.input == spec
    wanted = power(spec, WAVES)
    np.testing.assert_allclose(scored(cls.name), -wanted[:, 0], rtol=1e-4)
    override = f'onnx(file="{path}", output=logits, bonafide=0)'
    np.testing.assert_allclose(scored(override), wanted[:, 0] - wanted[:, 1], rtol=1e-4)


def test_external_data_of_an_onnx_file_is_part_of_its_identity(tmp_path: Path) -> None:
    how = {"save_as_external_data": True, "location": "m.weights", "size_threshold": 0}
    path = onnx_model(tmp_path / "m.onnx", ("n", 8000), **how)
    name = registry.get(f'onnx(file="{path}", takes=waveform(samples=8000), bonafide=1)').name
    before = checkpoints.ready_made(name)
    assert set(before.facts["files"]) == {"m.onnx", "m.weights"}
    data = tmp_path / "m.weights"
    data.write_bytes(data.read_bytes().replace(np.float32(3).tobytes(), np.float32(4).tobytes()))
    assert checkpoints.ready_made(name).identity != before.identity


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("takes=waveform(samples=8000)", r"bona fide class is not declared: add bonafide=0, 1"),
        ("bonafide=1", r"input of .*m\.onnx is not declared"),
        ("takes=waveform(samples=8000), bonafide=2", r"returns 2 values.* there is no class 2"),
        ("takes=waveform(samples=8000), bonafide=high", r"returns \(2,\) values .* index of"),
        ("takes=waveform(samples=9000), bonafide=1", r"not accept the declared input \(2, 9000"),
        ("takes=wave, bonafide=1", "unknown input 'wave'; did you mean"),
        ("takes=waveform(sample=1), bonafide=1", "unknown parameter of waveform 'sample'"),
        (
            "takes=waveform, bonafide=1, output=probs",
            r"unknown output of .*'probs' \(known: logits",
        ),
        ("takes=waveform, bonafide=yes", "bonafide must be a class index, high or low"),
    ],
)
def test_wrong_onnx_declarations_are_refused(tmp_path: Path, values: str, message: str) -> None:
    path = onnx_model(tmp_path / "m.onnx", ("n", 8000))
    with pytest.raises(InputError, match=message):
        registry.get(f'onnx(file="{path}", {values})')().build()


def test_unusable_onnx_files_are_refused(tmp_path: Path) -> None:
    values = "takes=waveform(samples=8000), bonafide=1"
    with pytest.raises(InputError, match="no file given"):
        registry.get("onnx")
    with pytest.raises(InputError, match=r"model file not found: .*none\.onnx"):
        registry.get(f'onnx(file="{tmp_path}/none.onnx", {values})')
    path = onnx_model(tmp_path / "m.onnx", ("n", 8000))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"onnxruntime cannot run .*m\.onnx"):
        registry.get(f'onnx(file="{path}", {values})')
    two = onnx_model(tmp_path / "two.onnx", ("n", 8000), outputs=["logits", "power"])
    with pytest.raises(
        InputError, match="has several outputs: add output=NAME, one of logits, power"
    ):
        registry.get(f'onnx(file="{two}", {values})')().build()


@pytest.mark.parametrize("traced", [False, True])
def test_torchscript_scores_equal_the_formula(tmp_path: Path, traced: bool) -> None:
    example = torch.zeros(2, 8000)
    program = torch.jit.trace(Rows(), example) if traced else torch.jit.script(Rows())
    torch.jit.save(program, tmp_path / "m.pt")
    spelling = f'torchscript(file="{tmp_path}/m.pt", takes=waveform(samples=8000), bonafide=1)'
    wanted = power(Waveform(8000), WAVES)
    np.testing.assert_allclose(scored(spelling), wanted[:, 1] - wanted[:, 0], atol=1e-5)
    assert not [str(finding) for finding in check(registry.get(spelling))]


def test_torchscript_input_of_another_rank(tmp_path: Path) -> None:
    class Bands(nn.Module):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            rows, bands, frames = batch.shape
            return batch.reshape(rows, bands * frames).square().mean(dim=1)

    torch.jit.save(torch.jit.script(Bands()), tmp_path / "m.pt")
    values = "takes=lfcc(samples=8000), bonafide=low"
    with pytest.raises(
        InputError, match=r"m\.pt does not accept the declared input \(2, 1, 60, 51\)"
    ):
        scored(f'torchscript(file="{tmp_path}/m.pt", {values})')
    scores = scored(f'torchscript(file="{tmp_path}/m.pt", {values}, rank=3)')
    np.testing.assert_allclose(scores, -power(Lfcc(Waveform(8000)), WAVES)[:, 0], rtol=1e-4)


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_instead_of_torchscript_is_refused(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "evil.pt"
    torch.save(Evil(tmp_path / "owned"), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"is not a TorchScript program.* was not loaded"):
        registry.get(f'torchscript(file="{path}", takes=waveform, bonafide=high)')
    assert not (tmp_path / "owned").exists()


def test_a_torchscript_file_must_be_declared(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Rows(single=True)), tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"input of .* is not declared"):
        registry.get(f'torchscript(file="{tmp_path}/m.pt", bonafide=high)')
    with pytest.raises(InputError, match="bona fide class is not declared"):
        registry.get(f'torchscript(file="{tmp_path}/m.pt", takes=waveform)')


VALID = """
    import array, struct, sys
    for path in (line.strip() for line in {source}):
        data = open(path, "rb").read()
        kind, channels, rate = struct.unpack("<HHI", data[20:28])
        assert (channels, rate) == (1, 16000)
        start = data.index(b"data") + 8
        wave = array.array("f" if kind == 3 else "h", data[start:])
        full = 1 if kind == 3 else 2**15
        print(path, repr(sum((x / full) ** 2 for x in wave) / len(wave)), sep={tab!r})
        print("scored", path, file=sys.stderr)
"""


def program(path: Path, code: str) -> Path:
    """Write an executable Python file."""
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(code)}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def command(path: Path, tail: str = "", more: str = "") -> str:
    return f'command(run="{path}{tail}"{more})'


@pytest.mark.parametrize("tab", [" ", "\t"])
@pytest.mark.parametrize("listed", [False, True])
def test_a_program_scores(tmp_path: Path, tab: str, listed: bool) -> None:
    source = "open(sys.argv[1])" if listed else "sys.stdin"
    path = program(tmp_path / "score.py", VALID.format(source=source, tab=tab))
    spelling = command(path, " {list}" if listed else "")
    loud = [*WAVES, 4 * builders.voice(5, 0.5)]
    wanted = [np.square(wave.astype(np.float64)).mean() for wave in loud]
    np.testing.assert_allclose(scored(spelling, loud), wanted, rtol=1e-6)
    as_pcm = scored(f"{spelling[:-1]}, samples=pcm16)", loud)
    np.testing.assert_allclose(as_pcm[:3], wanted[:3], rtol=1e-2)
    assert as_pcm[3] == pytest.approx(wanted[3] / np.square(loud[3]).max(), rel=1e-2)


def test_a_program_conforms(tmp_path: Path) -> None:
    path = program(tmp_path / "score.py", VALID.format(source="sys.stdin", tab=" "))
    assert not [str(finding) for finding in check(registry.get(command(path)))]


def test_changed_program_files_change_the_identity(tmp_path: Path) -> None:
    path = program(tmp_path / "score.py", VALID.format(source="sys.stdin", tab=" "))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"1")
    name = registry.get(command(path, more=f', weights="{tmp_path}/weights"')).name
    identities = [checkpoints.ready_made(name).identity]
    (tmp_path / "weights" / "w.bin").write_bytes(b"2")
    identities.append(checkpoints.ready_made(name).identity)
    path.write_text(f"{path.read_text()}\n# changed\n")
    identities.append(checkpoints.ready_made(name).identity)
    assert len(set(identities)) == 3


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import sys; sys.exit('no GPU here')", "failed with exit code 1: no GPU here"),
        ("import os; os.kill(os.getpid(), 11)", "failed with exit code -11: it said nothing"),
        ("pass", "wrote 0 scores for 3 utterances"),
        ("for p in list(__import__('sys').stdin)[:2]: print(p.strip(), 1)", "2 scores for 3"),
        ("print('loading the model'); print('done')", "no `path score`: loading the model"),
        ("for p in __import__('sys').stdin: print(p.strip(), 'high')", "score is no number"),
        ("for p in __import__('sys').stdin: print(p.strip(), 1); print(p.strip(), 2)", "twice"),
        ("import time; time.sleep(60)", "gave no answer within 1 s and was ended"),
    ],
)
def test_a_failing_program_loses_only_its_own_scores(tmp_path: Path, code: str, cause: str) -> None:
    good = program(tmp_path / "good.py", VALID.format(source="sys.stdin", tab=" "))
    bad = program(tmp_path / "bad.py", code)
    limit = ", timeout=1" if "sleep" in code else ""
    names = [registry.get(command(path, more=limit * (path == bad))).name for path in (bad, good)]
    scorer = Scorer([checkpoints.ready_made(name) for name in names], CPU)
    scores, causes = scorer(WAVES, names)
    assert set(causes) == {names[0]} and cause in causes[names[0]]
    assert set(scores) == {names[1]} and np.isfinite(scores[names[1]]).all()


def test_a_time_out_kills_child_processes(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    late = f"import time; time.sleep(3); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {late!r}])"
    name = registry.get(command(program(tmp_path / "p.py", code), more=", timeout=1")).name
    _, causes = Scorer([checkpoints.ready_made(name)], CPU)(WAVES, [name])
    assert "was ended" in causes[name]
    time.sleep(3)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("command", "name the program to run"),
        ('command(run="no-such-program-here -x")', "program not found, or not executable: no-such"),
        ('command(run="python \'score.py")', "No closing quotation"),
        ('command(run="true", timeout=0)', "timeout=0 is out of range"),
        ('command(run="true", weights=none)', "weights not found: none"),
        ('command(run="true", samples=mp3)', "unknown command samples 'mp3'"),
    ],
)
def test_invalid_commands_are_refused(spelling: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.get(spelling)


def test_all_kinds_in_one_run(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx_model(tmp_path / "m.onnx", ("n", 8000))
    torch.jit.save(torch.jit.script(Rows(single=True)), tmp_path / "m.pt")
    wave = "takes=waveform(samples=8000)"
    good = program(tmp_path / "good.py", VALID.format(source="sys.stdin", tab=" "))
    broken = "for n, p in enumerate(__import__('sys').stdin): print(p.strip(), n or 'nan')"
    bad = program(tmp_path / "bad.py", broken)
    spellings = [
        f'onnx(file="{model}", {wave}, bonafide=1)',
        f'torchscript(file="{tmp_path}/m.pt", {wave}, bonafide=high)',
        command(good),
        command(bad),
    ]
    run = tmp_path / "run"
    arguments = ["--data", str(toy), "--suite", "clean", "--device", "cpu", "--workers", "0"]
    done = main(["run", *arguments, "--detectors", ", ".join(spellings), "--run", str(run)])
    assert done == 0, capsys.readouterr().err
    scores = load_scores(run)
    names = [registry.get(spelling).name for spelling in spellings]
    counts = scores[scores["score"].notna()].groupby("detector", observed=True).size()
    assert [counts[name] for name in names] == [36, 36, 36, 33]  # batches of 16, 8 and 12
    failures = pd.read_csv(run / "failures.csv").astype(str)
    refused = failures[
        failures.apply(" ".join, axis=1).str.contains("non-finite score (nan)", regex=False)
    ]
    assert len(refused) == 3 and refused["detector"].eq(names[3]).all()


@pytest.mark.parametrize("spelling", ["onnx(file=none.onnx)", "command(run=nothing-here)", "ssl"])
def test_bad_input_prints_one_line_and_exits_with_2(
    toy: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    assert main(["plan", "--data", str(toy), "--suite", "clean", "--detectors", spelling]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("launderbench: ")


def test_ready_made_detectors_cannot_be_trained(
    tmp_path: Path, toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", 'command(run="true")', "--data", str(toy)]) == 2
    assert "comes ready-made: it is not trained" in capsys.readouterr().err


def test_an_installed_package_is_found_through_its_entry_point(tmp_path: Path) -> None:
    source = shutil.copytree(ROOT / "tests" / "plugins" / "loudness_package", tmp_path / "source")
    site = tmp_path / "site"
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    pip = [sys.executable, "-m", "pip", "install", *how, str(source)]
    installed = subprocess.run(pip, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    call = [sys.executable, "-m", "benchmark", "check", "loudness"]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(call, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0 and "1 passed, 0 failed" in done.stdout, done.stdout + done.stderr
    assert "loudness" not in registry.names()


@pytest.mark.parametrize(
    "spec",
    [
        Waveform(),
        Waveform(64600, pad="zero"),
        WholeWaveform(2400),
        LogMel(Waveform(32000, 22050), mels=80, hop=160, floor=0.001),
        LogMel(image=(224, 200)),
        Lfcc(WholeWaveform(1)),
        Image(),
        Spectrogram(),
    ],
)
def test_input_spellings_round_trip(spec: object) -> None:
    assert spec_syntax.parse(spec_syntax.spell(spec)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("waveform(samples=0)", "samples must be a whole number of 1 or more"),
        ("waveform(pad=mirror)", r"unknown waveform: pad 'mirror'"),
        ("log-mel(window=4096)", "window must not be longer than n_fft"),
        ("lfcc(samples=3, shortest=3)", "not both"),
        ("image(size=big)", "must be like 224x224"),
        ("cqt(fmin=-1)", "must not be negative"),
    ],
)
def test_invalid_inputs_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        spec_syntax.parse(text)
    with pytest.raises(InputError, match="has no spelling"):
        spec_syntax.spell(LogMel(keep=Keep(threshold_db=40.0)))


def test_readout_equals_softmax_log_odds() -> None:
    logits = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 3.0]])
    shares = logits.double().softmax(dim=1)
    for row in range(3):
        wanted = torch.log(shares[:, row] / (1 - shares[:, row])).float()
        torch.testing.assert_close(readout(str(row), "x")(logits), wanted)
    torch.testing.assert_close(readout("low", "x")(logits[:, :1]), -logits[:, 0])
