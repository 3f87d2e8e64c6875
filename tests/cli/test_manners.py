"""The manners of the command: version, abbreviations, light listings, width, hints, shadows."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from benchmark.cli.main import main, parser
from benchmark.core import terminal
from benchmark.data.layouts import LAYOUTS
from benchmark.data.readers import READERS
from benchmark.runs import run_folders
from tests.support.places import ROOT

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "pandas"):
            raise ModuleNotFoundError(f"{name} is absent in this test")
sys.meta_path.insert(0, Absent())
import launderbench as l
"""
COMMAND = "import launderbench, sys; sys.exit(launderbench.command())"


WORKER = """
import launderbench, subprocess, sys
def run(*arguments):
    assert not (sys.stdout.isatty() or sys.stderr.isatty()) and sys.stdin.read() == ""
    print("a result", flush=True)
    looking = "import os; [os.fstat(number) for number in range(3)]"
    return subprocess.run([sys.executable, "-c", looking]).returncode
launderbench.run = run
sys.exit(launderbench.command())
"""


def python(code: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code in (0, None)
    assert capsys.readouterr().out == f"launderbench {metadata.version('launderbench')}\n"


def test_without_the_metadata_of_the_package_the_version_is_unknown_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert main(["--version"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("launderbench: the version is unknown") and "pip install -e ." in line


@pytest.mark.parametrize(
    "arguments", [["bench", "--suit", "smoke"], ["list", "attacks", "--fam", "noise"], ["--vers"]]
)
def test_no_option_may_be_abbreviated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("launderbench: ")


@pytest.mark.parametrize("options", ["", ", '--json'"])
@pytest.mark.parametrize("what", ["suites", "layouts", "pools"])
def test_small_listings_need_neither_torch_nor_pandas(what: str, options: str) -> None:
    done = python(f"{ABSENT}\nsys.exit(l.run('list', '{what}'{options}))")
    assert done.returncode == 0 and done.stdout, done.stderr


def test_help_needs_neither_torch_nor_pandas() -> None:
    done = python(f"{ABSENT}\nl.run('--help')")
    assert done.returncode == 0 and "COMMAND" in done.stdout, done.stderr


def test_the_help_of_every_command_needs_neither_torch_nor_pandas() -> None:
    done = python(
        f"{ABSENT}\nfrom benchmark.cli.main import main, parser\n"
        "(commands,) = parser()._subparsers._group_actions\n"
        "for name in commands.choices:\n"
        "    try:\n        main([name, '--help'])\n"
        "    except SystemExit as stopped:\n        assert not stopped.code, name\n"
    )
    assert done.returncode == 0 and done.stdout.count("usage: ") > 20, done.stderr


@pytest.mark.parametrize("call", ["'check', 'mp3'", "'plan'"])
def test_a_blocked_library_is_noticed(call: str) -> None:
    done = python(f"{ABSENT}\nsys.exit(l.run({call}))")
    assert done.returncode == 70 and "is absent in this test" in done.stderr


def test_every_command_has_help_that_says_what_it_does() -> None:
    (commands,) = parser()._subparsers._group_actions  # type: ignore[union-attr]
    for name, sub in commands.choices.items():  # type: ignore[union-attr]
        assert sub.description and sub.format_help(), name


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("what", ["attacks", "layouts", "pools", "suites"])
def test_listings_fit_the_terminal(
    what: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["list", what]) == 0
    whole = capsys.readouterr().out
    monkeypatch.setattr(terminal, "width", lambda: columns)
    assert main(["list", what]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns
    assert sorted("".join(shown.split())) == sorted("".join(whole.split()))  # nothing is cut off


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals here")
def test_a_terminal_is_recognised_and_a_pipe_is_not_wrapped() -> None:
    import pty

    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "50"}
    command = [sys.executable, "-c", COMMAND, "list", "layouts"]
    piped = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    main_end, other_end = pty.openpty()
    with os.fdopen(main_end, "rb", buffering=0) as read:
        subprocess.run(command, stdout=other_end, cwd=ROOT, env=environment, check=True)
        os.close(other_end)
        shown = read.read(100_000).decode().replace("\r\n", "\n")
    assert max(map(len, piped.stdout.splitlines())) > 50 >= max(map(len, shown.splitlines()))


@pytest.mark.parametrize("closed", ["<&-", ">&- </dev/null", "2>&- </dev/null", "<&- >&- 2>&-"])
def test_a_worker_has_all_standard_streams_though_some_are_closed(closed: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-c", WORKER]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, env=environment).returncode == 0


def test_layouts_are_those_of_the_readers_in_their_order() -> None:
    assert [*LAYOUTS] == [reader.name for reader in READERS]


@pytest.mark.parametrize(
    ("arguments", "near", "see"),
    [
        (["check", "mp4"], "'mp3'", "launderbench list attacks"),
        (["list", "suite"], "'suites'", "unknown kind 'suite'"),
        (["bench", "--suite", "smoek"], "'smoke'", "launderbench list suites"),
        (["train", "mel-cn"], "'mel-cnn'", "launderbench list detectors"),
        (["data", "describe", ".", "--layout", "wavefak"], "'wavefake'", "list layouts"),
        (["list", "attaks"], "'attacks'", "'attaks'"),
        (["benhc"], "'bench'", "launderbench --help"),
    ],
)
def test_an_unknown_name_gets_a_hint_and_not_the_registry(
    arguments: list[str], near: str, see: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("launderbench:")]
    assert f"did you mean {near}" in line and see in line
    assert len(line) < 250


def test_a_folder_here_goes_before_one_below_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    below = run_folders.RESULTS / "mine"
    assert run_folders.find("mine") == below
    Path("mine").mkdir()
    assert run_folders.find("mine") == Path("mine")
    assert run_folders.find("mine", new=True) == below  # it may be anything
    below.mkdir(parents=True)
    (below / "plan.json").write_text("{}")
    assert run_folders.find("mine") == below  # what holds a run goes first
    Path("mine/plan.json").write_text("{}")
    assert run_folders.find("mine") == run_folders.find("mine", new=True) == Path("mine")
    assert run_folders.find("./other") == Path("other")


@pytest.mark.parametrize("name", ["benchmark", "attacks", "noises"])
def test_a_package_of_another_project_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise RuntimeError('foreign code ran')")
    done = python(COMMAND, "list", "suites", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / name) in line and "hides LaunderBench's package" in line
    done = python("from launderbench import Attack", cwd=tmp_path)
    assert done.returncode == 1 and f"ImportError: {tmp_path / name} hides" in done.stderr


CALLS = (
    "run('list', 'suites')",
    "launder(None, 'mp3')",
    "check('mp3')",
    "load_plugin('mine.py')",
    "get_detector('mel-cnn')",
    "load_results('run')",
    "load_scores('run')",
)
EDITABLE = """
import importlib.util, pathlib, sys
ROOT = pathlib.Path({root!r})
class Finder:  # as an editable installation: after the folders of sys.path
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.split(".")[0]
        if top in ("benchmark", "attacks", "detectors", "noises", "launderbench"):
            place = ROOT.joinpath(*name.split("."))
            for file in (place / "__init__.py", place.with_suffix(".py")):
                if file.is_file():
                    return importlib.util.spec_from_file_location(name, file)
from importlib.machinery import PathFinder
sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, Finder)
import launderbench
"""


@pytest.mark.parametrize("call", CALLS)
def test_the_python_interface_names_the_foreign_package_too(call: str, tmp_path: Path) -> None:
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "__init__.py").write_text("raise RuntimeError('foreign code ran')")
    done = python(f"import launderbench; launderbench.{call}", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {tmp_path / 'benchmark'} hides"), done.stderr


@pytest.mark.parametrize("call", CALLS)
def test_an_editable_installation_is_not_mixed_with_a_folder_of_that_name(
    call: str, tmp_path: Path
) -> None:
    (tmp_path / "attacks").mkdir()  # without __init__.py; our modules below it would be found
    code = f"{EDITABLE.format(root=str(ROOT))}\nlaunderbench.{call}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {tmp_path / 'attacks'} hides"), done.stderr


def test_a_single_file_may_hide_a_package_too(tmp_path: Path) -> None:
    (tmp_path / "attacks.py").write_text("raise RuntimeError('foreign code ran')")
    done = python(COMMAND, "list", "suites", cwd=tmp_path)
    assert done.returncode == 2 and "attacks.py hides" in done.stderr
