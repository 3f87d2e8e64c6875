"""Published weights: the index, the cache, and files that must be refused."""

from __future__ import annotations

import io
import pickle
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.cli.main import main
from benchmark.core.errors import InputError
from benchmark.inference import checkpoints, published_weights
from benchmark.inference.scorer import Scorer
from detectors.contract.base import registry

CPU = torch.device("cpu")
NAME = "aasist-l-2019la"


class Handler(SimpleHTTPRequestHandler):
    """Serves files; of a file named `broken` it sends only half of the announced length."""

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def copyfile(self, source: io.BufferedReader, outputfile: io.BufferedIOBase) -> None:
        content = source.read()
        outputfile.write(content[: len(content) // 2] if "broken" in self.path else content)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served by a local HTTP server that replaces the authors' host."""
    root = tmp_path / "served"
    root.mkdir()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    monkeypatch.setattr(published_weights, "RAW", f"http://127.0.0.1:{http.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield root
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def entry(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> published_weights.PublishedWeights:
    """An index of one entry, whose file is a small state dict of random AASIST-L weights."""
    torch.manual_seed(0)
    file = tmp_path / "AASIST-L.pth"
    torch.save(registry.get(NAME)().build().state_dict(), file)
    entry = replace(
        published_weights.find(NAME),
        size=file.stat().st_size,
        sha256=published_weights._sha256(file),
    )
    monkeypatch.setattr(published_weights, "index", lambda: {NAME: entry})
    return entry


def serve(root: Path, entry: published_weights.PublishedWeights, content: bytes) -> None:
    place = root / entry.repository / entry.commit / entry.path
    place.parent.mkdir(parents=True)
    place.write_bytes(content)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    message = capsys.readouterr().err  # without a terminal no bar is drawn
    assert message.count("\n") == 1 and message.startswith("launderbench: ")
    return message


def test_the_index_names_detectors_that_expect_weights() -> None:
    assert len(published_weights.index()) == 5
    for name, entry in published_weights.index().items():
        assert registry.get(name).pretrained
        assert registry.get(name).citation
        assert len(entry.sha256) == 64
        assert entry.citation.strip().startswith("@inproceedings{")
        assert entry.url == (
            f"https://raw.githubusercontent.com/{entry.repository}/{entry.commit}/{entry.path}"
        )


@pytest.mark.parametrize("name", sorted(published_weights.index()))
def test_the_index_agrees_with_the_file(name: str) -> None:
    entry = published_weights.find(name)
    if not entry.cached.is_file():
        pytest.skip(f"needs published weights: launderbench weights fetch {name}")
    assert published_weights._sha256(entry.cached) == entry.sha256
    assert entry.cached.stat().st_size == entry.size


def test_fetch_downloads_the_published_file(
    server: Path,
    entry: published_weights.PublishedWeights,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    serve(server, entry, (tmp_path / "AASIST-L.pth").read_bytes())
    assert entry.state() == "absent"
    assert main(["weights", "fetch", NAME]) == 0
    output = capsys.readouterr().out
    assert "licence: MIT" in output and "@inproceedings{jung2022aasist," in output
    assert entry.state() == "cached"
    assert [path.name for path in entry.cached.parent.iterdir()] == [entry.file]
    serving = Scorer([published_weights.checkpoint(NAME)], CPU)
    scores = serving([np.zeros(16000, np.float32)], [NAME])[0][NAME]
    assert np.isfinite(scores).all()
    assert published_weights.checkpoint(NAME).identity.endswith(f"|sha256:{entry.sha256}")
    (server / entry.repository / entry.commit / entry.path).unlink()
    assert published_weights.fetch(NAME) == entry.cached  # a cached file is not downloaded again


@pytest.mark.parametrize("change", [lambda data: data[:-100], lambda data: data[:-1] + b"\0\0"])
def test_fetch_refuses_a_different_file(
    server: Path,
    entry: published_weights.PublishedWeights,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: object,
) -> None:
    serve(server, entry, change((tmp_path / "AASIST-L.pth").read_bytes()))  # type: ignore[operator]
    message = error_of(capsys, "weights", "fetch", NAME)
    assert "gave a different file from the published aasist-l-2019la.pth" in message
    assert entry.state() == "absent"
    assert not [*entry.cached.parent.glob("*")]


def test_an_interrupted_download_leaves_nothing(
    server: Path,
    entry: published_weights.PublishedWeights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = replace(entry, path="broken.pth")
    monkeypatch.setattr(published_weights, "index", lambda: {NAME: broken})
    serve(server, broken, (tmp_path / "AASIST-L.pth").read_bytes())
    message = error_of(capsys, "weights", "fetch", NAME)
    assert "no connection, or it was interrupted" in message
    assert not [*entry.cached.parent.glob("*")]


def test_without_the_file_or_the_network_fetch_says_where_to_put_it(
    server: Path,
    entry: published_weights.PublishedWeights,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    message = error_of(capsys, "weights", "fetch", NAME)
    assert "HTTP 404" in message and "weights add FILE" in message and str(entry.cached) in message
    monkeypatch.setattr(published_weights, "RAW", "http://127.0.0.1:9")
    assert "no connection" in error_of(capsys, "weights", "fetch", NAME)
    assert "did you mean" in error_of(capsys, "weights", "fetch", "aasist-l-2019")
    assert "name the weights to fetch" in error_of(capsys, "weights", "fetch")


def test_add_recognises_a_file_by_its_content(
    entry: published_weights.PublishedWeights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = (tmp_path / "AASIST-L.pth").rename(tmp_path / "download.bin")
    assert main(["weights", "add", str(renamed)]) == 0
    assert "licence: MIT" in capsys.readouterr().out
    assert entry.state() == "cached"
    assert main(["weights", "list"]) == 0
    assert f"weights: cached ({entry.cached})" in capsys.readouterr().out


def test_add_refuses_files_that_are_not_published(
    entry: published_weights.PublishedWeights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "AASIST-L.pth"
    cut.write_bytes(cut.read_bytes()[:1000])
    message = error_of(capsys, "weights", "add", str(cut))
    assert "is not the published aasist-l-2019la.pth" in message and "1000 bytes" in message
    other = cut.rename(tmp_path / "other.pth")
    assert "not one of the published weight files" in error_of(capsys, "weights", "add", str(other))
    assert "not found" in error_of(capsys, "weights", "add", str(tmp_path / "none.pth"))
    assert entry.state() == "absent"


def test_a_file_changed_in_the_cache_is_not_run(
    entry: published_weights.PublishedWeights, tmp_path: Path
) -> None:
    published_weights.add(tmp_path / "AASIST-L.pth")
    entry.cached.write_bytes(entry.cached.read_bytes()[:-1])
    assert entry.state() == "damaged"
    with pytest.raises(InputError, match=r"is not the published .* fetch aasist-l-2019la again"):
        published_weights.checkpoint(NAME)


class Evil:
    """An object whose unpickling creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("form", ["pickle", "torch", "old torch"])
def test_a_pickle_with_code_is_refused_and_not_executed(tmp_path: Path, form: str) -> None:
    owned = tmp_path / "owned"
    path = tmp_path / "evil.pth"
    content = {"first_bn.weight": torch.zeros(1), "more": Evil(owned)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "torch")
    ready = checkpoints.foreign("rawnet2", path, {})
    with pytest.raises(InputError, match=r"evil\.pth is refused and was not executed"):
        Scorer([ready], CPU)
    assert not owned.exists()
    with path.open("rb") as handle:  # the code does run in an unsafe load
        _ = pickle.load(handle) if form == "pickle" else torch.load(handle, weights_only=False)
    assert owned.exists()


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "not a tensor")


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda path: path.write_bytes(b""), "damaged or not a PyTorch weight file"),
        (lambda path: path.write_text("what is this?"), "refused and was not executed|damaged"),
        (zipped, "damaged or not a PyTorch weight file"),
        (lambda path: torch.save([torch.zeros(2)], path), "contains no state dict"),
        (lambda path: torch.save({"epoch": 3}, path), "contains no state dict"),
        (lambda path: torch.save({"fc.weight": torch.zeros(2)}, path), "does not fit rawnet2"),
    ],
)
def test_files_without_fitting_weights_are_refused(
    tmp_path: Path, make: object, cause: str
) -> None:
    path = tmp_path / "some.pth"
    make(path)  # type: ignore[operator]
    ready = checkpoints.foreign("rawnet2", path, {})
    with pytest.raises(InputError, match=cause) as caught:
        Scorer([ready], CPU)
    assert "some.pth" in str(caught.value) and "\n" not in str(caught.value)


def test_a_truncated_state_dict_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cut.pth"
    torch.save(registry.get("aasist-l")().build().state_dict(), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"cut\.pth is damaged or not a PyTorch weight file"):
        Scorer([checkpoints.foreign("aasist-l", path, {})], CPU)


def test_weights_are_given_by_name_and_by_path(
    entry: published_weights.PublishedWeights,
    toy: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.pth"
    torch.manual_seed(1)
    torch.save(registry.get("aasist-l")().build().state_dict(), own)
    data = ("--data", str(toy), "--suite", "clean", "--device", "cpu")
    message = error_of(capsys, "bench", *data, "--detectors", NAME)
    assert f"run launderbench weights fetch {NAME}" in message
    message = error_of(capsys, "run", *data, "--weights", f"{NAME}={own}")
    assert "own.pth is not the published aasist-l-2019la.pth" in message
    message = error_of(capsys, "run", *data, "--detectors", "rawnet2", "--train-data", str(toy))
    assert "--weights rawnet2=FILE" in message
    assert "not a network" in error_of(capsys, "run", *data, "--weights", f"shortcut={own}")
    message = error_of(
        capsys, "run", *data, "--workers", "0", "--quiet", "--weights", f"rawnet2={own}"
    )
    assert "own.pth does not fit rawnet2" in message
    published_weights.add(tmp_path / "AASIST-L.pth")
    more = ("--limit", "4", "--run", str(tmp_path / "run"), "--workers", "0")
    chosen = ("--detectors", NAME, "--weights", f"aasist-l={own}")
    assert main(["run", *data, *more, *chosen]) == 0
    capsys.readouterr()
    assert main(["run", *data, *more, *chosen]) == 0
    assert "0 of 2 units to do" in capsys.readouterr().err


def test_all_can_be_combined_with_names_but_not_with_ensembles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], toy: Path
) -> None:
    from benchmark.inference import detector_selection
    from benchmark.runs.detector_choice import DetectorChoice, names, names_in

    monkeypatch.setattr(detector_selection, "every", lambda: ["shortcut", "mel-cnn"])
    filtered = "filtered-cnn(low=300, high=3400)"
    choice = DetectorChoice(names_in(f"{filtered}, all,mel-cnn,"))
    assert names(choice) == ["shortcut", "mel-cnn", filtered]
    fused = "mean(mel-cnn, shortcut)"
    message = error_of(capsys, "run", "--data", str(toy), "--suite", "clean", "--detectors", fused)
    assert f'ask for it with --ensemble "{fused}"' in message


def test_published_weights_run_by_default_on_cuda_only(
    entry: published_weights.PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.runs import detector_choice

    choice = detector_choice.DetectorChoice()
    for kind in ("cpu", "cuda"):
        devices = (torch.device(kind),)
        monkeypatch.setattr(detector_choice, "resolve_devices", lambda name, found=devices: found)
        names = detector_choice.names(choice)
        assert "mel-cnn" in names and NAME not in names and "rawnet2" not in names
    published_weights.add(tmp_path / "AASIST-L.pth")
    assert NAME in detector_choice.names(choice)
    assert NAME not in detector_choice.learning(choice)
