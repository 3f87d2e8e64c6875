"""The net under all commands: one line for what nobody foresaw, and no raw control characters."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark.cli.main import main
from benchmark.core import terminal
from benchmark.core.log import logger

NASTY = "a\x1b]0;owned\x07\r\x9b2J\u202egpj.\x7f\udcff"


def is_raw(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text)


def test_an_unforeseen_error_is_one_line_and_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody\nfore\x1bsaw")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(terminal, "columns", broken)
    assert main(["list", "pools"]) == 70
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "ZeroDivisionError: nobody fore\\u001bsaw" in told
    (file,) = tmp_path.glob("launderbench-error-*.txt")
    assert str(file) in told and "in broken" in file.read_text()


def test_without_room_for_a_file_the_traceback_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody foresaw")

    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    monkeypatch.setattr(terminal, "columns", broken)
    assert main(["list", "pools"]) == 70
    told = capsys.readouterr().err
    assert "no file could be written" in told and "in broken" in told


def test_an_interrupt_is_no_unforeseen_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "columns", interrupted)
    assert main(["list", "pools"]) == 130


def test_control_characters_become_escapes_that_json_reads() -> None:
    shown = terminal.printable(f"{NASTY}\n\té ة")
    assert not is_raw(shown) and "\u202e" not in shown and shown.endswith("\n\té ة")
    assert json.loads(f'"{terminal.printable(NASTY)}"') == NASTY


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_names_of_files_reach_no_terminal_raw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], json_option: list[str]
) -> None:
    name = NASTY.replace("\udcff", "").replace("/", "")
    soundfile.write(tmp_path / f"{name}.wav", np.zeros(16000), 16000)
    (tmp_path / f"{name}broken.wav").write_bytes(b"RIFF")
    assert main(["score", "random", str(tmp_path), "--device", "cpu", *json_option]) == 1
    told = capsys.readouterr()
    assert "owned" in told.out
    assert not is_raw(told.out) and not is_raw(told.err)
    assert main(["verify", f"{tmp_path}/{NASTY}"]) == 2
    told = capsys.readouterr()
    assert "owned" in told.err and not is_raw(told.err)


def test_messages_of_the_log_are_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warns(*_: object) -> list[str]:
        logger.warning(NASTY)
        logger.info(NASTY)
        return []

    monkeypatch.setattr(terminal, "columns", warns)
    assert main(["list", "pools"]) == 0
    told = capsys.readouterr()
    assert told.err.count("owned") == 2 and not told.out
    assert not is_raw(told.out) and not is_raw(told.err)
