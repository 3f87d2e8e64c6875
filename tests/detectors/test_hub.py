"""Detectors from the Hugging Face hub, on tiny models saved by transformers itself."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support import builders

pytest.importorskip("transformers")

from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    AutoModel,
    AutoModelForAudioClassification,
    Wav2Vec2FeatureExtractor,
)

from benchmark import frontends
from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.data import loading
from benchmark.inference import checkpoints
from benchmark.inference.scorer import BATCH, Scorer
from benchmark.training import training_config
from detectors.contract.base import registry
from detectors.contract.conformance import check
from launderbench import load_scores
from tests.support import hub_folders

CPU = torch.device("cpu")
LENGTHS = (0.4, 1.0, 2.5, 1.0, 0.05)
WAVES = [builders.voice(seed, seconds) for seed, seconds in enumerate(LENGTHS)]
FIXED = 16000  # samples, for seconds=1


def spelling_of(kind: str, folder: Path, **values: object) -> str:
    more = "".join(f", {key}={value}" for key, value in values.items())
    return f'{kind}(model="{folder}", seconds=1{more})'


def cut(wave: np.ndarray) -> np.ndarray:
    return np.tile(wave, -(-FIXED // wave.size))[:FIXED]


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
@pytest.mark.parametrize("normalise", [True, False])
def test_features_equal_transformers(tmp_path: Path, kind: str, normalise: bool) -> None:
    hub_folders.encoder(tmp_path, kind, normalise=normalise)
    theirs = AutoModel.from_pretrained(tmp_path).eval()
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    given = extractor([cut(wave) for wave in WAVES], sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        wanted = theirs(given.input_values, output_hidden_states=True).hidden_states
        for layer in (0, 1, 2, -1):
            item = registry.get(spelling_of("ssl", tmp_path, layer=layer))()
            network = item.initial().eval()
            batch = frontends.batch(item.input, WAVES, CPU)
            torch.testing.assert_close(network.features(batch), wanted[layer], atol=1e-5, rtol=0)
            first, second = network.head.layers[0], network.head.layers[3]
            hidden = torch.relu(first(wanted[layer].mean(dim=1)))
            two = second(hidden)
            torch.testing.assert_close(network(batch), two[:, 1] - two[:, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
def test_nothing_above_the_layer_is_computed(tmp_path: Path, kind: str) -> None:
    hub_folders.encoder(tmp_path, kind)
    calls: list[int] = []
    for layer, wanted in ((0, []), (1, [0]), (2, [0, 1]), (-1, [0, 1])):
        item = registry.get(spelling_of("ssl", tmp_path, layer=layer))()
        network = item.initial().eval()
        for number, part in enumerate(network.encoder.encoder.layers):
            part.register_forward_hook(lambda *_, number=number: calls.append(number))
        calls.clear()
        scores = network(frontends.batch(item.input, WAVES, CPU))
        assert calls == wanted
        assert scores.requires_grad
    exported = torch.export.export(network, (torch.zeros(2, item.input.samples),), strict=False)
    assert exported is not None


def test_encoders_use_the_attention_of_torch_where_they_can(tmp_path: Path) -> None:
    for kind, attention in (("Wav2Vec2", "sdpa"), ("Hubert", "sdpa"), ("WavLM", "eager")):
        hub_folders.encoder(tmp_path / kind, kind)
        item = registry.get(spelling_of("ssl", tmp_path / kind))()
        for network in (item.build(), item.initial()):
            assert network.encoder.config._attn_implementation == attention


def test_weighted_layers_start_as_a_mean_and_get_gradients(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path)
    item = registry.get(spelling_of("ssl", tmp_path, weighted="true"))()
    network = item.initial().eval()
    batch = frontends.batch(item.input, WAVES, CPU)
    singles = [registry.get(spelling_of("ssl", tmp_path, layer=n))().initial() for n in range(3)]
    layers = torch.stack([single.eval().features(batch) for single in singles])
    torch.testing.assert_close(network.features(batch), layers.mean(dim=0), atol=1e-5, rtol=0)
    network.train()(batch).sum().backward()
    assert network.shares.grad is not None and network.shares.grad.abs().sum() > 0


def test_attention_weights_the_frames(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path)
    network = registry.get(spelling_of("ssl", tmp_path, pooling="attention"))().initial().eval()
    features = network.features(torch.from_numpy(np.stack([cut(wave) for wave in WAVES])))
    flat = network.head(features)
    one = features.clone()
    network.head.opinion[2].weight.data.mul_(1e4)  # all attention of each utterance on one frame
    best = network.head.opinion(features).argmax(dim=1)[:, 0]
    one = features[torch.arange(len(features)), best][:, None].expand_as(features)
    torch.testing.assert_close(network.head(features), network.head(one), atol=1e-4, rtol=0)
    assert (network.head(features) - flat).abs().max() > 1e-4


@pytest.mark.parametrize("finetune", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "attention", "aasist"])
def test_only_unfrozen_parameters_get_gradients(
    tmp_path: Path, pooling: str, finetune: bool
) -> None:
    hub_folders.encoder(tmp_path)
    values = {"pooling": pooling} | ({"finetune": "true"} if finetune else {})
    cls = registry.get(spelling_of("ssl", tmp_path, **values))
    assert cls.recipe.learning_rate == (3e-5 if finetune else 1e-3)
    network = cls().initial().train()
    network(frontends.batch(cls.input, WAVES, CPU)).sum().backward()
    moved = {name for name, p in network.named_parameters() if p.grad is not None}
    all_of = {name for name, _ in network.named_parameters()}
    below = {name for name in all_of if name.startswith("encoder.feature_extractor.")}
    unused = {"encoder.masked_spec_embed"}
    frozen = below if finetune else {name for name in all_of if name.startswith("encoder.")}
    assert moved == all_of - frozen - unused
    assert below and not any(
        module.training for module in network.encoder.feature_extractor.modules()
    )


@pytest.mark.parametrize("pooling", ["mean", "attention", "aasist"])
def test_an_encoder_with_a_head_conforms(tmp_path: Path, pooling: str) -> None:
    hub_folders.encoder(tmp_path)
    cls = registry.get(spelling_of("ssl", tmp_path, pooling=pooling))
    assert not [str(finding) for finding in check(cls)]


def test_a_checkpoint_contains_the_encoder_and_the_spelling(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path / "model")
    cls = registry.get(spelling_of("ssl", tmp_path / "model", pooling="mean", layer=1))
    assert cls.name == f'ssl(model="{tmp_path}/model", layer=1, seconds=1)'
    network = cls().initial()
    arrays = {name: value.numpy() for name, value in network.state_dict().items()}
    checkpoints.save(tmp_path / "kept.safetensors", arrays, {"detector": cls.name})
    for weights in (tmp_path / "model").glob("*.safetensors"):
        weights.unlink()  # the checkpoint holds the encoder too
    ready = checkpoints.load(tmp_path / "kept.safetensors", (cls.name,))
    assert ready.name == cls.name
    scores, causes = Scorer([ready], CPU)(WAVES, [cls.name])
    assert not causes
    with torch.inference_mode():
        wanted = network.eval()(frontends.batch(cls.input, WAVES, CPU))
    np.testing.assert_allclose(scores[cls.name], wanted, atol=1e-5)


def test_train_and_run_commands(
    tmp_path: Path, toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub_folders.encoder(tmp_path / "model")
    name = spelling_of("ssl", tmp_path / "model")
    data = ["--data", str(toy), "--device", "cpu"]
    assert main(["train", name, *data]) == 0, capsys.readouterr().err
    (out,) = cache.rglob("ssl*.safetensors")
    ready = checkpoints.load(out, (name,))
    assert ready.name == registry.get(name).name
    theirs = hub_folders.encoder(tmp_path / "again").state_dict()
    key = "encoder.layers.1.attention.k_proj.weight"
    ours = ready.arrays()[f"encoder.{key}"]
    np.testing.assert_allclose(ours, theirs[key], atol=1e-6)  # frozen
    how = ["--suite", "clean", "--train-data", str(toy), "--workers", "0", "--detectors", name]
    assert main(["run", *data, *how, "--run", str(tmp_path / "run")]) == 0, capsys.readouterr().err
    scores = load_scores(tmp_path / "run")
    assert set(scores["detector"]) == {ready.name} and scores["score"].notna().all()


def test_changed_encoder_files_require_retraining(
    tmp_path: Path, toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    encoder = hub_folders.encoder(folder)
    name = spelling_of("ssl", folder)
    data = ["--data", str(toy), "--device", "cpu"]
    train = ["train", name, *data, "--epochs", "1"]
    how = ["--suite", "clean", "--train-data", str(toy), "--workers", "0", "--detectors", name]
    run = ["run", *data, *how, "--run", str(tmp_path / "run")]

    def checkpoint_path() -> Path:
        return training_config.planned(name, loading.open_data(toy))[1]

    first, bytes_ = checkpoint_path(), (folder / "model.safetensors").read_bytes()
    checkpoints.save(first, {}, {"detector": name})
    assert main(train[:-2]) == 0 and "is trained already" in capsys.readouterr().err
    with torch.no_grad():
        encoder.encoder.layers[0].attention.k_proj.weight.add_(0.01)
    encoder.save_pretrained(folder)
    replaced = checkpoint_path()
    assert replaced != first
    assert main(run) == 2 and "is not trained for seed 0" in capsys.readouterr().err
    settings = folder / "preprocessor_config.json"
    settings.write_text(settings.read_text().replace("true", "false", 1))
    assert checkpoint_path() not in (first, replaced)
    (folder / "model.safetensors").write_bytes(bytes_)
    settings.write_text(settings.read_text().replace("false", "true", 1))
    assert checkpoint_path() == first
    assert main([*train, "--out", str(tmp_path / "own.safetensors")]) == 0, capsys.readouterr().err
    held = checkpoints.load(tmp_path / "own.safetensors", (name,)).facts["foundation"]
    assert held == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "README.md"
    }


@pytest.mark.parametrize("labels", [("real", "fake"), ("Spoof", "Bona-Fide"), ("a", "b", "c")])
@pytest.mark.parametrize("normalise", [True, False])
def test_classifier_scores_equal_transformers(
    tmp_path: Path, labels: tuple[str, ...], normalise: bool
) -> None:
    hub_folders.classifier(tmp_path, labels, normalise=normalise)
    theirs = AutoModelForAudioClassification.from_pretrained(tmp_path).eval()
    extractor = Wav2Vec2FeatureExtractor.from_pretrained(tmp_path)
    values = {"bonafide": "b"} if "b" in labels else {}
    name = registry.get(spelling_of("hub", tmp_path, **values)).name
    ready = checkpoints.ready_made(name)
    index = next(n for n, label in enumerate(labels) if label in ("real", "Bona-Fide", "b"))
    assert ready.facts["bonafide"] == labels[index] and ready.facts["labels"] == list(labels)
    scores, causes = Scorer([ready], CPU)(WAVES, [name])
    assert not causes
    for wave, score in zip(WAVES, scores[name], strict=True):
        given = extractor(cut(wave), sampling_rate=16000, return_tensors="pt")
        with torch.inference_mode():
            share = theirs(**given).logits.double().softmax(dim=1)[0, index]
        assert score == pytest.approx(float(torch.log(share / (1 - share))), abs=1e-4)


def test_a_spectrogram_model_uses_its_own_extractor(tmp_path: Path) -> None:
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=64,
        num_mel_bins=32,
        patch_size=8,
        frequency_stride=8,
        time_stride=8,
        id2label={0: "spoof", 1: "bonafide"},
        label2id={"spoof": 0, "bonafide": 1},
    )
    theirs = ASTForAudioClassification(config).eval()
    theirs.save_pretrained(tmp_path)
    extractor = ASTFeatureExtractor(max_length=64, num_mel_bins=32, mean=-5.0, std=3.0)
    extractor.save_pretrained(tmp_path)
    name = registry.get(spelling_of("hub", tmp_path)).name
    scores, causes = Scorer([checkpoints.ready_made(name)], CPU)(WAVES, [name])
    assert not causes
    given = extractor([cut(wave) for wave in WAVES], sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        logits = theirs(**given).logits
    np.testing.assert_allclose(scores[name], logits[:, 1] - logits[:, 0], atol=1e-5)


def test_a_classifier_conforms(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path, ("real", "fake"))
    cls = registry.get(spelling_of("hub", tmp_path))
    assert not [str(finding) for finding in check(cls)]


def test_scores_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path, ("real", "fake"))
    name = registry.get(spelling_of("hub", tmp_path)).name
    scorer = Scorer([checkpoints.ready_made(name)], CPU)
    many = [*WAVES, *(builders.fake(seed, 0.7) for seed in range(BATCH))]
    together = scorer(many, [name])[0][name]
    alone = np.concatenate([scorer([wave], [name])[0][name] for wave in many])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_changed_weights_change_the_identity(tmp_path: Path) -> None:
    model = hub_folders.classifier(tmp_path, ("real", "fake"))
    name = registry.get(spelling_of("hub", tmp_path)).name
    before = checkpoints.ready_made(name)
    with torch.no_grad():
        model.classifier.bias.add_(1)
    model.save_pretrained(tmp_path)
    after = checkpoints.ready_made(name)
    assert before.identity != after.identity
    assert set(before.facts["files"]) == {
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
    }


def test_a_state_dict_of_arrays_is_read(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path / "safe", ("real", "fake"))
    hub_folders.classifier(tmp_path / "plain", ("real", "fake"), safe=False)
    names = [registry.get(spelling_of("hub", tmp_path / kind)).name for kind in ("safe", "plain")]
    scores, causes = Scorer([checkpoints.ready_made(name) for name in names], CPU)(WAVES, names)
    assert not causes
    np.testing.assert_array_equal(scores[names[0]], scores[names[1]])


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def test_weights_that_contain_code_are_refused(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path, ("real", "fake"), safe=False)
    torch.save({"a": Evil(tmp_path / "owned")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="contain more than arrays: refused and not executed"):
        registry.get(spelling_of("hub", tmp_path))().build()
    assert not (tmp_path / "owned").exists()


def test_code_that_comes_with_a_model_is_never_run(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path, ("real", "fake"))
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    with pytest.raises(InputError, match=r"cannot be loaded"):
        registry.get(spelling_of("hub", tmp_path))().build()
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("labels", "bonafide", "message"),
    [
        (("LABEL_0", "LABEL_1"), "", r"LABEL_0, LABEL_1\) do not show which one is bona fide"),
        (("real", "genuine"), "", "do not show which"),
        (("real", "fake", "noise"), "", "do not show which"),
        (("LABEL_0", "LABEL_1"), "LABEL_2", "unknown label of .*'LABEL_2'; did you mean"),
        (("one",), "one", "does not choose between classes"),
    ],
)
def test_ambiguous_labels_are_refused(
    tmp_path: Path, labels: tuple[str, ...], bonafide: str, message: str
) -> None:
    hub_folders.classifier(tmp_path, labels)
    name = registry.get(
        spelling_of("hub", tmp_path, **({"bonafide": bonafide} if bonafide else {}))
    ).name
    with pytest.raises(InputError, match=message):
        checkpoints.ready_made(name)


def test_multi_label_models_are_refused(tmp_path: Path) -> None:
    kind = "multi_label_classification"
    hub_folders.classifier(tmp_path, ("real", "fake"), problem_type=kind)
    with pytest.raises(InputError, match="does not choose between classes"):
        checkpoints.ready_made(registry.get(spelling_of("hub", tmp_path)).name)


def test_a_model_without_its_head_is_refused(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path)
    with pytest.raises(InputError, match=r"has no weights for classifier\.bias and 3 more"):
        registry.get(spelling_of("hub", tmp_path, bonafide="LABEL_1"))().build()


def test_an_unsupported_encoder_is_refused(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "bert"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="of type bert; it must be one of hubert, wav2vec2, wavlm"):
        registry.get(spelling_of("ssl", tmp_path))().build()


def test_another_sample_rate_must_be_declared(tmp_path: Path) -> None:
    hub_folders.classifier(tmp_path, ("real", "fake"), rate=8000)
    with pytest.raises(InputError, match="takes 8000 Hz: add rate=8000"):
        registry.get(spelling_of("hub", tmp_path))().build()
    cls = registry.get(spelling_of("hub", tmp_path, rate=8000))
    assert cls.input.samples == cls.input.sample_rate == 8000
    assert not [str(finding) for finding in check(cls)]


@pytest.mark.parametrize("absent", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_an_incomplete_model_is_refused(tmp_path: Path, absent: str) -> None:
    hub_folders.encoder(tmp_path)
    (tmp_path / absent).unlink()
    cls = registry.get(spelling_of("ssl", tmp_path))
    named = "weights" if absent.startswith("model") else absent
    assert named in str(cls().unavailable())
    with pytest.raises(InputError, match=named):
        cls().initial()


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    hub_folders.encoder(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="cannot be loaded"):
        registry.get(spelling_of("ssl", tmp_path))().initial()


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("ssl", "no encoder given"),
        ("ssl(model=a/b, pooling=max)", "unknown ssl pooling 'max'"),
        ("ssl(model=a/b, poling=mean)", "unknown parameter of ssl 'poling'; did you mean"),
        ("ssl(model=a/b, weighted=true, layer=3)", "omit the parameter layer"),
        ("ssl(model=a/b, seconds=0)", "out of range"),
        ("hub", "no model given"),
        ("mel-cnn(layers=3)", "takes no parameters"),
        ("sl(model=a/b)", "unknown detector 'sl'; did you mean 'ssl'"),
        ("ssl(model=a/b", "unknown detector"),
    ],
)
def test_wrong_spellings_are_refused(spelling: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.get(spelling)


def test_without_a_network_the_error_gives_instructions(
    tmp_path: Path, toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    name = "hub(model=nobody/nothing, bonafide=real)"
    instruction = "nor in the hub's cache: fetch it with launderbench weights fetch"
    assert instruction in str(registry.get(name)().unavailable())
    arguments = ["--data", str(toy), "--suite", "clean", "--detectors", name]
    assert main(["run", *arguments, "--run", str(tmp_path / "run")]) == 2
    assert instruction in capsys.readouterr().err
    assert main(["weights", "fetch", name]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("launderbench: cannot download the model 'nobody/nothing' (")
    assert message.endswith("give the folder instead of the name")
    assert "neither a folder nor a valid model name" in str(
        registry.get('hub(model="not/a/name at all")')().unavailable()
    )


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """Serve one folder as owner/name from a local hub; yield the folder and the requested paths."""
    served, requested = tmp_path / "served", []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(head=True)

        def do_GET(self) -> None:
            self.answer(head=False)

        def answer(self, head: bool) -> None:
            where = self.path.partition("?")[0]
            body = self.body(where)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{abs(hash(body))}"')
            self.end_headers()
            if not head:
                requested.append(where)
                self.wfile.write(body or b"")

        def body(self, where: str) -> bytes | None:
            names = sorted(path.name for path in served.iterdir())
            if where.startswith("/api/models/owner/name/tree/"):
                tree = [
                    {"type": "file", "path": n, "size": (served / n).stat().st_size, "oid": n}
                    for n in names
                ]
                return json.dumps(tree).encode()
            if where.startswith("/api/models/owner/name"):
                files = [{"rfilename": name} for name in names]
                return json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": files}).encode()
            found = served / where.rpartition("/")[2]
            inside = where.startswith("/owner/name/resolve/") and found.is_file()
            return found.read_bytes() if inside else None

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield served, requested
    server.shutdown()


@pytest.mark.parametrize("safe", [True, False])
def test_a_fetched_model_needs_no_network(
    hub: tuple[Path, list[str]], safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, requested = hub
    hub_folders.classifier(served, ("real", "fake"), safe=safe)
    (served / "README.md").write_text("not needed")
    (served / "flax_model.msgpack").write_bytes(b"other weights")
    if safe:
        (served / "pytorch_model.bin").write_bytes(b"duplicate weights")
    name = "hub(model=owner/name, seconds=1)"
    assert main(["weights", "fetch", name]) == 0
    weights = "model.safetensors" if safe else "pytorch_model.bin"
    downloaded = {where.rpartition("/")[2] for where in requested if "/resolve/" in where}
    assert downloaded == {"config.json", "preprocessor_config.json", weights}
    requested.clear()
    assert main(["weights", "fetch", name]) == 0
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    ready = checkpoints.ready_made(registry.get(name).name)
    from_folder = checkpoints.ready_made(registry.get(spelling_of("hub", served)).name)
    assert ready.facts["files"] == from_folder.facts["files"]
    scores, causes = Scorer([ready, from_folder], CPU)(WAVES, [ready.name, from_folder.name])
    assert not causes and not requested
    np.testing.assert_array_equal(*scores.values())


def test_the_encoder_is_fetched_before_the_checkpoint_is_named(
    hub: tuple[Path, list[str]], toy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, _ = hub
    planned: dict[str, Path] = {}
    pool = "benchmark.api.training.train_all"
    monkeypatch.setattr(pool, lambda wanted, *_: planned.update((t.name, t.out) for t in wanted))
    hub_folders.encoder(served)
    name = "ssl(model=owner/name, seconds=1)"
    assert main(["train", name, "--data", str(toy), "--device", "cpu"]) == 0
    facts, path = training_config.planned(name, loading.open_data(toy))
    sha256 = hashlib.sha256((served / "model.safetensors").read_bytes()).hexdigest()
    assert facts["foundation"]["model.safetensors"] == sha256
    assert planned == {registry.get(name).name: path}


def test_an_unknown_hub_name_is_refused(
    hub: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    hub_folders.encoder(hub[0])
    assert main(["weights", "fetch", "ssl(model=owner/other)"]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("launderbench: cannot download the model 'owner/other' (")
