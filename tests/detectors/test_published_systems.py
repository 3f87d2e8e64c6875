"""Published self-supervised systems: outputs, names in files, sizes, and refused files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.errors import InputError
from benchmark.inference import checkpoints, networks
from detectors.contract.base import Waveform, registry
from detectors.self_supervised import published_files, speech_encoders
from detectors.self_supervised.fairseq_names import fairseq_name, only_pretraining
from detectors.self_supervised.published import PublishedSystem
from tests.support import published_systems as support

pytest.importorskip("transformers")


@cache
def golden() -> dict[str, Any]:
    return json.loads(support.FILE.read_text())  # type: ignore[no-any-return]


def systems() -> list[str]:
    return [n for n in registry.names() if issubclass(registry.get(n), PublishedSystem)]


def given(name: str, **changes: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a file of the tiny system `name`; None removes one."""
    arrays = {key: value.numpy() for key, value in support.weights(support.tiny(name)).items()}
    arrays |= changes
    return {key: value for key, value in arrays.items() if value is not None}


@pytest.mark.parametrize("name", support.BACK_ENDS)
def test_back_ends_give_the_outputs_that_agreed_with_the_authors_code(name: str) -> None:
    wanted = golden()["back_ends"][name]
    np.testing.assert_allclose(support.outputs(name), wanted, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", support.SIZES)
def test_whole_chains_give_the_scores_that_were_recorded(name: str) -> None:
    found = support.scores(name)
    np.testing.assert_allclose(found, golden()["chains"][name], atol=1e-4, rtol=1e-4)
    assert abs(found[0] - found[1]) > 1e-4  # else the wave would not matter


def test_arrays_that_matter_not_at_all_are_known() -> None:
    system = support.tiny("xlsr-aasist")
    built = support.network(system)
    (wave,) = support.waves()[:1].repeat(1, 14)[:, :64600].split(1)
    with torch.inference_mode():
        before = built(wave)
        for name, tensor in built.state_dict().items():
            if ".bn1." in name and tensor.is_floating_point():
                tensor += 1.0
        assert built(wave) == before
        built.back_end.encoder[1][0].bn2.weight += 1.0  # type: ignore[union-attr, index, operator]
        assert built(wave) != before


@pytest.mark.parametrize(
    ("name", "parameters", "arrays"),
    [
        ("xlsr-aasist", 315_885_962, 667),
        ("xlsr-sls", 338_838_149, 433),
        ("xlsr-tcm", 319_261_348, 581),
        ("xlsr-nes2net-x", 315_950_759, 982),
        ("xlsr-mhfa", 316_755_156, 439),
        ("xlsr-mamba", 317_375_670, 558),
        ("antideepfake-mms-300m", 315_440_770, 424),
    ],
)
def test_published_sizes(name: str, parameters: int, arrays: int) -> None:
    system = registry.get(name)()
    assert isinstance(system, PublishedSystem)
    built = system.blueprint()
    assert all(parameter.is_meta for parameter in built.parameters())
    assert sum(p.numel() for p in built.parameters()) == parameters
    assert len(published_files.file_arrays(system)) == arrays


@pytest.mark.parametrize(
    ("shape", "count"), [(speech_encoders.LARGE, 422), (speech_encoders.BASE, 211)]
)
def test_every_array_of_an_encoder_has_its_own_name_in_fairseq(
    shape: speech_encoders.EncoderShape, count: int
) -> None:
    with torch.device("meta"):
        model = speech_encoders.encoder(shape)
    names = {fairseq_name(name, group_norm=shape.group_norm) for name in model.state_dict()}
    assert len(names) == count and not any(map(only_pretraining, names))
    assert {"mask_emb", "post_extract_proj.weight", "encoder.pos_conv.0.weight_g"} <= names
    norm = "2" if shape.group_norm else "2.1"
    assert f"feature_extractor.conv_layers.0.{norm}.weight" in names
    with pytest.raises(KeyError):
        fairseq_name("encoder.something_else.weight")


def test_layers_are_those_before_the_last_norm() -> None:
    torch.manual_seed(0)
    model = speech_encoders.encoder(support.TINY).eval()
    with torch.inference_mode():
        layers = speech_encoders.every_layer(model, support.waves())
        last = speech_encoders.last(model, support.waves())
        assert len(layers) == support.TINY.layers + 1
        torch.testing.assert_close(model.encoder.layer_norm(layers[-1]), last)
        assert (layers[-1] - last).abs().max() > 0.01
    assert not model.encoder.layers[0]._forward_hooks


@pytest.mark.parametrize("name", ["xlsr-aasist", "xlsr-mhfa"])
def test_a_file_round_trips_through_what_trainings_wrap_around_it(
    name: str, tmp_path: Path
) -> None:
    system = support.tiny(name)
    plain = support.weights(system)
    more = {
        f"{system.prefix}quantizer.vars": torch.zeros(1, 4, 2),
        f"{system.prefix}final_proj.bias": torch.zeros(3),
    }
    newer = {
        k.replace("pos_conv.0.weight_g", "pos_conv.0.parametrizations.weight.original0"): v
        for k, v in plain.items()
    }
    forms: dict[str, Any] = {
        "plain": plain,
        "parallel": {f"module.{key}": value for key, value in plain.items()},
        "nested": {"epoch": 3, "state_dict": plain},
        "model": {"model": {f"module.{key}": value for key, value in plain.items()}},
        "pretraining": plain | more,
        "newer": newer,
        "half": {k: v.half() if v.is_floating_point() else v for k, v in plain.items()},
    }
    wanted = support.network(system)(support.waves().repeat(1, 14)[:, :64600])
    cls = type(system)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "get", lambda _: cls)
        for form, content in forms.items():
            path = tmp_path / f"{form}.pth"
            torch.save(content, path)
            arrays = checkpoints.foreign(name, path, {}).arrays()
            built = networks.blank(system, {}).eval()
            built.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
            found = built(support.waves().repeat(1, 14)[:, :64600])
            tolerance = 0.05 if form == "half" else 0.0
            torch.testing.assert_close(found, wanted, atol=tolerance, rtol=tolerance)


PREFIX = "ssl_model.model."


@pytest.mark.parametrize(
    ("arrays", "cause"),
    [
        (lambda: given("xlsr-sls"), "it is a file of xlsr-sls: give it with --weights xlsr-sls=F"),
        (lambda: given("xlsr-tcm"), "it is a file of xlsr-tcm"),
        (
            lambda: dict([*given("xlsr-aasist").items()][::2]),
            r"keys missing, e.g. .*save the whole state dict, encoder and back end",
        ),
        (
            lambda: given("xlsr-aasist", **{"out_layer.weight": None}),
            r"^1 keys missing, e.g. out_layer.weight; save the whole",
        ),
        (
            lambda: given("xlsr-aasist", **{"encoder.0.0.bn1.weight": np.ones(1, np.float32)}),
            r"^1 unexpected, e.g. encoder.0.0.bn1.weight$",
        ),
        (
            lambda: given("xlsr-aasist", pos_S=np.ones((1, 40, 64), np.float32)),
            r"pos_S \(1, 40, 64\) instead of \(1, 42, 64\)",
        ),
        (
            lambda: given("xlsr-aasist", **{
                f"{PREFIX}encoder.layers.0.self_attn.q_proj.lora_A.weight": np.ones(2, np.float32)
            }),
            r"1 arrays are of adapters, e.g. .*lora_A.weight: merge them into the encoder",
        ),
        (
            lambda: {k.removeprefix(PREFIX): v for k, v in given("xlsr-aasist").items()
                     if k.startswith(PREFIX)},
            "it holds an encoder without this back end: no name begins with 'ssl_model.model.'",
        ),
        (
            lambda: {"fc.weight": np.ones((2, 2), np.float32)},
            "it holds another system: .* the first is 'fc.weight'; want the whole state dict of",
        ),
    ],
)  # fmt: skip
def test_refused_arrays_are_named_with_what_would_be_right(arrays: Any, cause: str) -> None:
    with pytest.raises(InputError, match=cause) as caught:
        support.tiny("xlsr-aasist").adopt(arrays())
    assert "\n" not in str(caught.value)


def test_an_encoder_of_another_size_is_named() -> None:
    system = registry.get("xlsr-aasist")()
    assert isinstance(system, PublishedSystem)
    cause = "its encoder has 2 layers of 64 features; want 24 layers of 1024 features"
    with pytest.raises(InputError, match=cause):
        system.adopt(given("xlsr-aasist"))


@pytest.mark.parametrize("name", systems())
def test_every_system_says_on_what_it_was_trained_and_is_not_trained_here(name: str) -> None:
    system = registry.get(name)()
    assert isinstance(system, PublishedSystem)
    assert system.trained_on and set(system.trained_on.values()) <= {"train", "all"}
    assert system.pretrained and not system.ready_made
    with pytest.raises(InputError, match=f"{name} is not trained here: .*weights of its authors"):
        system.foundation()
    if isinstance(system.input, Waveform):
        assert system.input.pad == "tile" and system.input.samples in (64600, 66800)
