"""The command `serve` before it serves: what is missing or wrong is one line."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from benchmark.cli.main import main


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "streamlit" else real(name)
    )
    assert main(["serve"]) == 2
    told = capsys.readouterr().err
    assert told == "launderbench: serve needs Streamlit: pip install 'launderbench[web]'\n"


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--port", "70000"], "out of range"),
        (["--max-upload", "0"], "out of range"),
        (["--max-seconds", "-1"], "out of range"),
        (["--detectors", "nothing"], "unknown detector 'nothing'"),
        (["--device", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("streamlit", reason="the extra web is not installed")
    assert main(["serve", *options]) == 2
    told = capsys.readouterr().err
    assert cause in told and told.count("\n") == 1


def test_a_port_in_use_is_named_and_an_open_address_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("streamlit", reason="the extra web is not installed")
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--host", "0.0.0.0", "--port", str(port), "--detectors", "random"]
        assert main(["serve", *options]) == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: 0.0.0.0 is no loopback address")
    assert f"0.0.0.0, port {port}: Address already in use" in error
