"""The output of `launderbench list detectors`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli import list as listing
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training import trained_checkpoints
from detectors.contract.base import registry


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Its blocks by their first word, in a cache of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        blocks: dict[str, list[str]] = {}
        for line in listing.detectors_():
            if not line.startswith(" "):
                block = blocks.setdefault(line.split("  ")[0], [])
            block.append(line.strip())
    return blocks


def test_every_detector_stands_there_with_input_and_weights(listed: dict[str, list[str]]) -> None:
    for name in registry.names():
        assert listed[name][0].removeprefix(f"{name}  ") == registry.get(name).summary
        words = [line.split(": ")[0] for line in listed[name]]
        assert "input" in words and "weights" in words, name
        assert ("parameters" in words) == (listed[name][1] != "input: whole waves at 16 kHz")
    assert list(listed)[-1] == f"{len(registry.names())} detectors, 6 more by parameters"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("aasist-2019la", "parameters: 297,866"),
        ("aasist-2019la", "licence: MIT"),
        (
            "aasist-2019la",
            "weights: published, absent (launderbench weights fetch aasist-2019la)",
        ),
        ("rawnet2", "weights: from a file (--weights rawnet2=FILE), or launderbench train rawnet2"),
        ("image-cnn", "weights: not trained yet (launderbench train image-cnn)"),
        ("mel-cnn", "weights: shipped, trained on the embedded data set, seed 0"),
        ("filtered-cnn(...)", "parameters: low=0, high=8000, threshold=40, mels=128"),
        ("filtered-cnn(...)", 'weights: trained here (launderbench train "filtered-cnn(...)")'),
        ("onnx(...)", "weights: its own"),
        (
            "logistic(A, B, ...)",
            'option: --ensemble "logistic(mel-cnn, lfcc-gmm)", of detectors of the same run',
        ),
    ],
)
def test_what_is_said_of_one(listed: dict[str, list[str]], name: str, line: str) -> None:
    assert line in listed[name]


def test_citations_stand_below_detectors_with_and_without_parameters(
    listed: dict[str, list[str]],
) -> None:
    for name, first in (("aasist", "Jung et al., AASIST"), ("ssl(...)", "Tak et al., ")):
        assert any(line.startswith(f"please cite: {first}") for line in listed[name])


def test_trained_shipped_and_untrained_detectors_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    item = registry.get("mel-cnn")()
    assert listing._weights("mel-cnn", item, None).startswith("shipped, trained on the embedded")
    found: list[Checkpoint | None] = [Checkpoint("mel-cnn", tmp_path / "made.safetensors", "", {})]
    monkeypatch.setattr(trained_checkpoints, "find", lambda *_: found[0])
    assert listing._weights("mel-cnn", item, None).startswith("made here, trained on the embedded")
    found[0] = None
    assert listing._weights("mel-cnn", item, None).startswith("not trained yet")
