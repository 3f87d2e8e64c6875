"""Training: losses, laundering, resuming, memory, splits, and the names of trained detectors."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from attacks.contract.condition import parse
from attacks.contract.suites import parse_suite
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.inference import checkpoints, networks
from benchmark.inference.scorer import Scorer
from benchmark.training import augmentation, train_detector, trainer, training_config
from benchmark.training.losses import LOSSES
from benchmark.training.training_config import LaunderingAugmentation, TrainingConfig, planned
from benchmark.training.training_examples import TrainingExamples, subset
from detectors.contract.base import TensorDetector, registry
from noises import EVALUATION
from tests.support.builders import fake, voice
from tests.support.places import ROOT

pytest_plugins = ("tests.support.attack_fixtures",)

CPU = torch.device("cpu")
SHORT = {"epochs": 4, "batch_size": 8}
NOISY = LaunderingAugmentation("noisy", ("noise(kind=babble, snr=5)", "lowpass(cutoff=4000)"))


def test_losses_equal_their_formulas() -> None:
    scores = torch.tensor([1.5, -0.3, 0.8, -2.0])
    target = torch.tensor([1.0, 1.0, 0.0, 0.0])
    weights = torch.tensor([1.0, 1.0, 2.0, 2.0])
    sign = [1, 1, -1, -1]
    each = [math.log1p(math.exp(-s * float(x))) for s, x in zip(sign, scores, strict=True)]
    weighted = [w * value for w, value in zip(weights.tolist(), each, strict=True)]
    assert float(LOSSES["bce"](scores, target, weights)) == pytest.approx(sum(weighted) / 4)
    assert float(LOSSES["ce"](scores, target, weights)) == pytest.approx(sum(weighted) / 6)
    cosines = torch.tensor([0.95, 0.5, 0.1, 0.6])
    beyond = [0.9 - 0.95, 0.9 - 0.5, 0.1 - 0.2, 0.6 - 0.2]
    paper = [math.log1p(math.exp(20 * x)) for x in beyond]
    own = float(LOSSES["oc-softmax"](cosines, target, torch.ones(4)))
    assert own == pytest.approx(sum(paper) / 4, rel=1e-5)


def test_one_class_training_scores_cosines_and_its_checkpoint_loads(
    toy: Path, tmp_path: Path
) -> None:
    protocol = loading.open_data(toy)
    config = TrainingConfig(0, SHORT, loss="oc-softmax")
    checkpoint = train_detector.train("raw-cnn", protocol, CPU, tmp_path / "x.safetensors", config)
    assert checkpoint.name == "raw-cnn+oc-softmax"
    assert checkpoint.detector == "raw-cnn"
    assert checkpoint.facts["loss"] == "oc-softmax"
    waves = [100 * voice(1), fake(2)]
    scores, causes = Scorer([checkpoint], CPU)(waves, [checkpoint.name])
    assert not causes
    assert np.abs(scores[checkpoint.name]).max() <= 1 + 1e-6


def test_a_network_whose_score_is_not_its_last_linear_layer_is_refused() -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(16000, 1)

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return 2 * self.head(batch).squeeze(1)

    item = registry.get("raw-cnn")()
    with pytest.raises(InputError, match="does not end in a linear layer with one output"):
        network = networks.one_class(Doubled(), "x")
        networks.require_scores_from_head(item, network, voice(0))
    with pytest.raises(InputError, match="does not end in a linear layer with one output"):
        networks.one_class(nn.Sequential(nn.Linear(3, 2)), "x")


def test_one_class_is_refused_before_any_data_are_read(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError("data were read")

    monkeypatch.setattr(loading, "open_data", read)
    arguments = ["train", "mel-cnn", "softmax-cnn", "--data", str(toy), "--loss", "oc-softmax"]
    assert main(arguments) == 2
    assert capsys.readouterr().err.strip() == (
        "launderbench: detector 'softmax-cnn' does not end in a linear layer with one output, so"
        " it cannot be trained with --loss oc-softmax"
    )


def test_the_readme_says_which_networks_cannot_have_one_class() -> None:
    refused = set()
    for name in registry.names():
        cls = registry.get(name)
        if cls.trained_on or not issubclass(cls, TensorDetector):
            continue  # what its authors trained is not trained here
        try:
            networks.require_one_class(cls())
        except InputError:
            refused.add(name)
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (exceptions,) = re.findall(r"`oc-softmax` \(one-class softmax; ([^)]*)\)", page)
    assert set(re.findall("`([^`]+)`", exceptions)) == refused | {"ssl"}


def test_a_start_from_another_head_is_refused(toy: Path, tmp_path: Path) -> None:
    protocol = loading.open_data(toy)
    first = train_detector.train(
        "raw-cnn", protocol, CPU, tmp_path / "a.safetensors", TrainingConfig(0, SHORT)
    )
    with pytest.raises(
        InputError, match="was trained with --loss bce: its last layer differs from"
    ):
        planned("raw-cnn", protocol, TrainingConfig(loss="oc-softmax", start=first))
    planned("raw-cnn", protocol, TrainingConfig(loss="ce", start=first))


def test_a_killed_training_resumes_to_the_same_bits(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    protocol = loading.open_data(toy)
    config = TrainingConfig(5, {"epochs": 6, "batch_size": 8, "patience": 9})
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    expected = train_detector.train("mel-cnn", protocol, CPU, whole, config)
    with monkeypatch.context() as patch:
        calls = []

        def killed(*arguments: object) -> tuple[float, float]:
            calls.append(1)
            if len(calls) == 4:
                raise KeyboardInterrupt
            return real(*arguments)  # type: ignore[arg-type]

        real = trainer.eer
        patch.setattr(trainer, "eer", killed)
        with pytest.raises(KeyboardInterrupt):
            train_detector.train("mel-cnn", protocol, CPU, broken, config)
    assert broken.with_suffix(".state").is_file()
    assert not broken.is_file()
    torch.manual_seed(99)  # a new process has a different state
    resumed = train_detector.train("mel-cnn", protocol, CPU, broken, config)
    assert "training resumes after epoch 3" in caplog.text
    assert not broken.with_suffix(".state").exists()
    assert resumed.path.read_bytes() == expected.path.read_bytes()
    curves = [path.with_suffix(".csv").read_bytes() for path in (whole, broken)]
    assert curves[0] == curves[1]


def test_a_state_of_another_training_and_a_damaged_one_are_reported_and_ignored(
    toy: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    protocol = loading.open_data(toy)
    out = tmp_path / "x.safetensors"
    config = TrainingConfig(0, {"epochs": 1})
    first = train_detector.train("raw-cnn", protocol, CPU, out, config).path.read_bytes()
    state = out.with_suffix(".state")
    torch.save({"key": "another"}, state)
    assert train_detector.train("raw-cnn", protocol, CPU, out, config).path.read_bytes() == first
    assert "belongs to another training" in caplog.text
    state.write_bytes(b"PK\x03\x04 half a file")
    assert train_detector.train("raw-cnn", protocol, CPU, out, config).path.read_bytes() == first
    assert "is damaged" in caplog.text


def test_out_of_memory_halves_the_batch_and_says_so(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    protocol = loading.open_data(toy)
    real = trainer._Run._inputs
    full: list[int] = []

    def small(run: trainer._Run, rows: torch.Tensor, variants: torch.Tensor | None) -> torch.Tensor:
        if len(rows) > 8 and not full:
            full.append(len(rows))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(run, rows, variants)

    monkeypatch.setattr(trainer._Run, "_inputs", small)
    halved = train_detector.train(
        "raw-cnn",
        protocol,
        CPU,
        tmp_path / "a.safetensors",
        TrainingConfig(0, SHORT | {"batch_size": 16}),
    )
    assert full == [16]
    assert "out of memory with a batch of 16: training of raw-cnn starts over with 8" in caplog.text
    assert halved.facts["batch_size_used"] == 8
    assert halved.facts["recipe"]["batch_size"] == 16
    small_batch = train_detector.train(
        "raw-cnn", protocol, CPU, tmp_path / "b.safetensors", TrainingConfig(0, SHORT)
    )
    for name, values in small_batch.arrays().items():
        np.testing.assert_array_equal(values, halved.arrays()[name])


def test_no_memory_even_for_the_smallest_batch_is_an_input_error(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(trainer._Run, "_inputs", full)
    with pytest.raises(InputError, match="too little memory to train raw-cnn even with a batch of"):
        train_detector.train(
            "raw-cnn",
            loading.open_data(toy),
            CPU,
            tmp_path / "x.safetensors",
            TrainingConfig(0, SHORT),
        )


def test_scoring_halves_the_batch_if_memory_is_too_small(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = train_detector.train(
        "raw-cnn", loading.open_data(toy), CPU, tmp_path / "x.safetensors", TrainingConfig(0, SHORT)
    )
    waves = [voice(n) for n in range(20)]
    expected = Scorer([checkpoint], CPU)(waves, ["raw-cnn"])[0]["raw-cnn"]
    scorer = Scorer([checkpoint], CPU)
    network = scorer._loaded[0].network
    assert network is not None

    def small(_: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if len(inputs[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")

    network.register_forward_pre_hook(small)
    caplog.clear()
    scores, causes = scorer(waves, ["raw-cnn"])
    assert not causes
    np.testing.assert_allclose(scores["raw-cnn"], expected, atol=1e-4)
    lines = caplog.messages
    assert [line.split("continues with ")[1] for line in lines] == [
        "8 utterances at once", "4 utterances at once"
    ]  # fmt: skip


def pairs_of_examples(count: int) -> TrainingExamples:
    waves = [make(n, 1.0) for n in range(count) for make in (voice, fake)]
    pairs = torch.arange(count).repeat_interleave(2)
    return TrainingExamples(
        waves, np.arange(2 * count) % 2 == 0, pairs, [f"r{n}" for n in range(count)]
    )


def variants_of(
    examples: TrainingExamples, laundering: LaunderingAugmentation
) -> list[list[np.ndarray]]:
    return [*augmentation.variants(examples, TrainingConfig(laundering=laundering), "x", 0)]


def test_copies_get_the_same_draws_and_the_variants_differ(world: None) -> None:
    laundering = LaunderingAugmentation("x", ("noise(kind=babble, snr=0)",), variants=2)
    examples = pairs_of_examples(3)
    first, second = variants_of(examples, laundering)
    for row in range(0, 6, 2):
        # the noise under a recording and under its copy is the same
        added = [first[row + n] - examples.waves[row + n] for n in (0, 1)]
        assert np.corrcoef(*added)[0, 1] > 0.9
        assert np.abs(first[row] - second[row]).max() > 0.01  # a different excerpt
    again, _ = variants_of(examples, laundering)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_utterance_that_cannot_be_laundered_stops_the_training() -> None:
    examples = pairs_of_examples(2)
    examples.waves[2] = np.zeros(0, np.float32)
    laundering = LaunderingAugmentation("x", ("lowpass(cutoff=3000)",))
    with pytest.raises(InputError, match=r"^cannot train: r1: lowpass.*: the wave is empty$"):
        variants_of(examples, laundering)


def test_training_draws_nothing_that_evaluation_draws() -> None:
    (condition,) = LaunderingAugmentation(
        "x", ("noise(kind=babble, snr=0) | reverberation",)
    ).parsed()
    noise, room = condition.steps
    (own_noise, own_room) = parse("noise(kind=babble, snr=0) | reverberation").steps
    assert noise.share.begin >= EVALUATION.end  # type: ignore[attr-defined]
    for kind, rooms in room.shapes.items():  # type: ignore[attr-defined]
        assert not set(rooms) & set(own_room.shapes[kind])  # type: ignore[attr-defined]
    assert own_noise.share == EVALUATION  # type: ignore[attr-defined]
    assert min(augmentation.training_seed(s, n) for s in range(3) for n in range(3)) >= 2**63


def test_a_recordings_variants_are_different_conditions_and_all_are_drawn() -> None:
    conditions = [parse(f"lowpass(cutoff={hz})") for hz in range(1000, 1900, 100)]
    for recording in ("a", "b", "c"):
        drawn = [str(augmentation.drawn(conditions, recording, n, 0)) for n in range(9)]
        assert sorted(drawn) == sorted(map(str, conditions))
    first = {str(augmentation.drawn(conditions, f"r{n}", 0, 0)) for n in range(100)}
    assert len(first) == 9


def test_the_share_of_clean_is_kept() -> None:
    material = trainer.TrainingTensors(
        [torch.zeros(1)] * 5, np.array([True]), torch.arange(4000), clean=0.25
    )
    run = object.__new__(trainer._Run)
    run.train, run.generator = material, torch.Generator().manual_seed(0)
    counts = torch.bincount(run._draw_variants(), minlength=5) / 4000  # type: ignore[arg-type]
    assert counts[0] == pytest.approx(0.25, abs=0.03)
    assert counts[1:].min() > 0.15


def test_the_epoch_is_judged_on_clean_and_laundered_dev_in_their_shares() -> None:
    bonafide = np.array([True, True, False, False])
    right, wrong = torch.tensor([2.0, 1.0, -1.0, -2.0]), torch.tensor([-2.0, -1.0, 1.0, 2.0])
    run = object.__new__(trainer._Run)
    run.dev = trainer.TrainingTensors([right, wrong, wrong], bonafide, torch.arange(4), clean=0.25)
    run.config = SimpleNamespace(device=CPU)  # type: ignore[assignment]
    run.average = SimpleNamespace(module=nn.Identity())  # type: ignore[assignment]
    assert run._judged_eer(0.0) == pytest.approx(0.75)
    run.dev = trainer.TrainingTensors([right, right, wrong], bonafide, torch.arange(4), clean=0.0)
    assert run._judged_eer(0.0) == pytest.approx(0.5)
    run.dev = trainer.TrainingTensors([right], bonafide, torch.arange(4))
    assert run._judged_eer(0.1) == 0.1


def test_a_detector_trained_on_laundered_speech_has_its_own_name_and_row(
    toy: Path, tmp_path: Path, world: None
) -> None:
    cleanly, noisily = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    train_detector.train(
        "raw-cnn", loading.open_data(toy), CPU, cleanly, TrainingConfig(0, {"epochs": 1})
    )
    common = ("--data", str(toy), "--epochs", "1")
    suite = "noise(kind=babble, snr=5); lowpass(cutoff=4000)"
    assert main(["train", "raw-cnn", *common, "--out", str(noisily), "--suite", suite]) == 0
    trained = checkpoints.load(noisily)
    assert trained.name == "raw-cnn+noise-lowpass"
    assert trained.facts["laundering"]["conditions"] == [
        str(c) for c in parse_suite(suite).conditions[1:]
    ]
    assert trained.facts["laundering"]["clean"] == 0.25
    folder = tmp_path / "run"
    run = ["run", "--data", str(toy), "--suite", "lowpass(cutoff=4000)", "--workers", "0"]
    run += ["--run", str(folder), "--checkpoint", str(cleanly), "--checkpoint", str(noisily)]
    assert main(run) == 0
    board = pd.read_csv(folder / "leaderboard.csv")
    assert set(board["detector"]) == {"raw-cnn", "raw-cnn+noise-lowpass"}


def test_two_checkpoints_of_one_name_are_refused(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = loading.open_data(toy)
    files = [tmp_path / f"{n}.safetensors" for n in "ab"]
    for file in files:
        train_detector.train("raw-cnn", protocol, CPU, file, TrainingConfig(0, {"epochs": 1}))
    given = [part for file in files for part in ("--checkpoint", str(file))]
    assert main(["run", "--data", str(toy), "--suite", "clean", *given]) == 2
    assert "are both called 'raw-cnn': train one of them with --name" in capsys.readouterr().err


def test_the_file_follows_from_the_facts(toy: Path, world: None) -> None:
    protocol = loading.open_data(toy)
    configs = [
        TrainingConfig(),
        TrainingConfig(1),
        TrainingConfig(0, {"epochs": 3}),
        TrainingConfig(loss="ce"),
        TrainingConfig(precision="bf16"),
        TrainingConfig(laundering=NOISY),
        TrainingConfig(laundering=replace(NOISY, clean=0.5)),
        TrainingConfig(name="mine"),
    ]
    paths = [planned("raw-cnn", protocol, config)[1] for config in configs]
    assert len(set(paths)) == len(configs)
    assert planned("raw-cnn", protocol)[1] == paths[0]
    assert paths[-1].name.startswith("mine-seed0-")


def test_training_can_begin_with_the_weights_of_a_checkpoint(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = loading.open_data(toy)
    first = train_detector.train(
        "raw-cnn", protocol, CPU, tmp_path / "a.safetensors", TrainingConfig(0, SHORT)
    )
    barely = TrainingConfig(
        0, {"epochs": 1, "learning_rate": 1e-9, "weight_decay": 0.0}, start=first
    )
    second = train_detector.train("raw-cnn", protocol, CPU, tmp_path / "b.safetensors", barely)
    assert second.facts["start"] == first.identity
    for name, values in second.arrays().items():
        if values.dtype == np.float32 and "running" not in name:
            np.testing.assert_allclose(values, first.arrays()[name], atol=1e-6)
    assert planned("raw-cnn", protocol, barely)[1] != planned("raw-cnn", protocol)[1]
    given = ["train", "mel-cnn", "--data", str(toy), "--start", str(first.path)]
    assert main(given) == 2
    assert "holds weights of 'raw-cnn', not of 'mel-cnn'" in capsys.readouterr().err


def test_training_computes_as_scoring_does(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends, seen = torch.backends, []
    switches = [
        (backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False),
        (backends.cudnn, "benchmark", False), (backends.cudnn, "deterministic", True),
    ]  # fmt: skip
    before = [getattr(owner, name) for owner, name, _ in switches]
    real = trainer._Run._epoch

    def epoch(run: trainer._Run, number: int) -> dict[str, float]:
        seen.append([getattr(owner, name) for owner, name, _ in switches])
        seen[-1] += [backends.cuda.flash_sdp_enabled(), backends.cuda.mem_efficient_sdp_enabled()]
        return real(run, number)

    monkeypatch.setattr(trainer._Run, "_epoch", epoch)
    protocol = loading.open_data(toy)
    config = TrainingConfig(0, SHORT | {"epochs": 1})
    try:
        for owner, name, value in switches:
            setattr(owner, name, not value)
        train_detector.train("raw-cnn", protocol, CPU, tmp_path / "weights.safetensors", config)
    finally:
        for (owner, name, _), value in zip(switches, before, strict=True):
            setattr(owner, name, value)
    assert seen == [[False, False, False, True, False, False]]
    assert backends.cuda.flash_sdp_enabled()


def test_mixed_precision_trains_and_is_scored_in_float32(toy: Path, tmp_path: Path) -> None:
    protocol = loading.open_data(toy)
    trained = [
        train_detector.train("raw-cnn", protocol, CPU, tmp_path / f"{p}.safetensors", config)
        for p in training_config.PRECISIONS
        for config in [TrainingConfig(0, SHORT, precision=p)]
    ]
    exact, mixed = (entry.arrays() for entry in trained)
    assert trained[1].facts["precision"] == "bf16"
    assert all(values.dtype in (np.float32, np.int64) for values in mixed.values())
    apart = max(float(np.abs(exact[name] - mixed[name]).max()) for name in exact)
    assert 0 < apart < 0.3


def test_splits_are_made_by_speaker_on_request(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = loading.open_data(toy)
    root = tmp_path / "flat"
    root.mkdir()
    (root / "flac").symlink_to(toy / "flac")
    protocol.table.drop(columns="split").to_csv(root / "protocol.csv", index=False)
    out = tmp_path / "x.safetensors"
    train = ["train", "raw-cnn", "--data", str(root), "--epochs", "1", "--out", str(out)]
    assert main(train) == 2
    assert "has no train and dev splits: say --splits 80/10/10" in capsys.readouterr().err
    assert main([*train, "--splits", "70/15/15"]) == 0
    assert "split by speaker: " in capsys.readouterr().err
    assert main([*train, "--force", "--splits", "80/10/20"]) == 2
    assert "the shares '80/10/20' sum to 110, not 100" in capsys.readouterr().err
    assert main([*train, "--force", "--splits", "80/20"]) == 2
    assert "training wants three, as 80/10/10" in capsys.readouterr().err


def test_a_subset_keeps_recordings_with_their_copies(toy: Path) -> None:
    protocol = loading.open_data(toy)
    plain = subset(protocol, 10).table
    train = plain[plain["split"] == "train"]
    assert train["label"].value_counts().to_dict() == {"bonafide": 5, "spoof": 5}
    assert len(plain) - len(train) == int((protocol.table["split"] != "train").sum())
    table = protocol.table.assign(pair=protocol.table["utterance_id"].str[:-1])
    paired = replace(protocol, table=table.sort_values("pair", kind="stable"))
    kept = subset(paired, 12).table.query("split == 'train'")
    assert 0 < len(kept) <= 12
    for pair, rows in kept.groupby("pair"):
        assert len(rows) == int((table["pair"] == pair).sum())
    with pytest.raises(InputError, match="less than one recording with its copies"):
        subset(paired, 2)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--loss", "cee"], "unknown loss 'cee'; did you mean 'ce'"),
        (["--precision", "fp16"], "unknown precision 'fp16'"),
        (["--suite", "clean"], "contains only clean: name one with attacks"),
        (["--suite", "ready(audio=x)"], "is ready-made audio: training cannot apply it"),
        (["--suite", "smoke", "--clean-share", "1"], "share of clean must be"),
        (["--name", "a b"], "--name 'a b': use letters"),
        (["--name", "lfcc-gmm"], "--name 'lfcc-gmm' is the name of another detector"),
    ],
)
def test_bad_options_give_a_one_line_error(
    toy: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(["train", "raw-cnn", "--data", str(toy), *more]) == 2
    shown = capsys.readouterr().err.strip()
    assert message in shown
    assert "\n" not in shown


def test_options_of_networks_are_refused_for_other_detectors(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "shortcut", "--data", str(toy), "--loss", "ce"]) == 2
    assert "'shortcut' is not a network: it has no --loss, --precision" in capsys.readouterr().err


def test_pitch_stretch_and_noise_are_a_suite_to_train_with(world: None) -> None:
    suite = parse_suite("augmentation")
    spelled = tuple(str(condition) for condition in suite.conditions if condition.steps)
    families = {condition.family for condition in suite.conditions}
    assert families >= {"noise", parse("pitch_shift").family, parse("time_stretch").family}
    laundering = LaunderingAugmentation(suite.name, spelled, variants=len(spelled))
    examples = pairs_of_examples(1)
    variants = variants_of(examples, laundering)
    lengths = {waves[0].size / examples.waves[0].size for waves in variants}
    assert min(lengths) == pytest.approx(0.85, abs=0.01)
    assert max(lengths) == pytest.approx(1.18, abs=0.01)
    for waves in variants:  # copies keep the length of their recording
        assert waves[0].size == waves[1].size
