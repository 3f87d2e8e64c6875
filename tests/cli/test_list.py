"""What `launderbench list detectors` tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli import list as listing
from benchmark.training import training_config
from detectors.contract.base import registry


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Its blocks by their first word, in a cache of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAUNDERBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        blocks: dict[str, list[str]] = {}
        for line in listing.detectors_():
            if not line.startswith(" "):
                block = blocks.setdefault(line.split("  ")[0], [])
            block.append(line.strip())
    return blocks


def test_every_detector_stands_there_with_input_and_weights(told: dict[str, list[str]]) -> None:
    for name in registry.names():
        assert told[name][0].removeprefix(f"{name}  ") == registry.get(name).summary
        words = [line.split(": ")[0] for line in told[name]]
        assert "input" in words and "weights" in words, name
        assert ("parameters" in words) == (told[name][1] != "input: whole waves at 16 kHz")
    assert list(told)[-1] == f"{len(registry.names())} detectors, 6 more by parameters"


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
        ("mel-cnn", "weights: not trained yet (launderbench train mel-cnn)"),
        ("filtered-cnn(...)", "say: low=0, high=8000, threshold=40, mels=128"),
        ("filtered-cnn(...)", 'weights: trained here (launderbench train "filtered-cnn(...)")'),
        ("onnx(...)", "weights: its own"),
        (
            "logistic(A, B, ...)",
            'say: --ensemble "logistic(mel-cnn, lfcc-gmm)", of detectors of the same run',
        ),
    ],
)
def test_what_is_said_of_one(told: dict[str, list[str]], name: str, line: str) -> None:
    assert line in told[name]


def test_citations_stand_below_detectors_with_and_without_parameters(
    told: dict[str, list[str]],
) -> None:
    for name, first in (("aasist", "Jung et al., AASIST"), ("ssl(...)", "Tak et al., ")):
        assert any(line.startswith(f"please cite: {first}") for line in told[name])


def test_a_trained_detector_is_told_from_an_untrained_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = tmp_path / "made.safetensors"
    monkeypatch.setattr(training_config, "planned", lambda name, data: ({}, made))
    item = registry.get("mel-cnn")()
    assert listing._weights("mel-cnn", item, object()).startswith("not trained yet")  # type: ignore[arg-type]
    made.touch()
    said = listing._weights("mel-cnn", item, object())  # type: ignore[arg-type]
    assert said == "trained on the embedded data set, seed 0"
