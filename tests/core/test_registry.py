"""The registry: three doors, no silent overwriting, broken plugins cost their own names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.errors import InputError
from benchmark.core.registry import Registry
from tests.support.places import ROOT


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `fruit` whose modules register themselves in `fruit.box`."""
    folder = tmp_path / "fruit"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from benchmark.core.registry import Registry\n"
        "box = Registry('fruit', 'fruit', 'no.such.group')"
    )
    (folder / "apple.py").write_text("import fruit\nfruit.box.add('apple', 1)")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [n for n in sys.modules if n == "fruit" or n.startswith("fruit.")]:
        del sys.modules[name]


def box() -> Registry[int]:
    import fruit  # type: ignore[import-not-found]

    return fruit.box


def test_modules_are_found_on_the_first_look_up(package: Path) -> None:
    assert box().names() == ["apple"]
    assert box().get("apple") == 1


def test_an_unknown_name_gets_a_suggestion(package: Path) -> None:
    with pytest.raises(InputError, match=r"unknown fruit 'aple'; did you mean 'apple'\?"):
        box().get("aple")


def test_a_name_that_is_taken_is_refused(package: Path) -> None:
    box().names()
    with pytest.raises(InputError, match="'apple' is registered twice"):
        box().add("apple", 2)


def test_a_broken_plugin_costs_its_own_names_only(package: Path) -> None:
    (package / "banana.py").write_text("import fruit\nfruit.box.add('banana', 2)\n1 / 0")
    assert box().names() == ["apple"]
    with pytest.raises(InputError, match=r"failed to load: fruit\.banana: ZeroDivisionError"):
        box().get("banana")


def test_a_file_by_path(package: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "cherry.py"
    plugin.write_text("import fruit\nfruit.box.add('cherry', 3)")
    box().load_file(plugin)
    box().load_file(plugin)  # a second time is no duplicate
    assert box().get("cherry") == 3
    with pytest.raises(InputError, match="plugin file not found"):
        box().load_file(tmp_path / "none.py")
    plugin = tmp_path / "bad.py"
    plugin.write_text("raise RuntimeError('sour')")
    with pytest.raises(InputError, match=r"bad\.py failed to load: RuntimeError: sour$"):
        box().load_file(plugin)


def test_a_syntax_error_is_one_line_with_its_place(package: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "fig.py"
    plugin.write_text("import fruit\n\ndef broken(:\n    pass\n")
    with pytest.raises(InputError) as caught:
        box().load_file(plugin)
    (line,) = str(caught.value).splitlines()
    assert "fig.py failed to load: SyntaxError: invalid syntax (fig.py, line 3)" in line
    (package / "fig.py").write_text(plugin.read_text())
    (package / "grape.py").write_text("raise ValueError('two\\nlines')")
    for name in ("fruit", "fruit.apple"):
        del sys.modules[name]
    assert box().names() == ["apple"]
    assert box().broken == {
        "fruit.fig": "SyntaxError: invalid syntax (fig.py, line 3)",
        "fruit.grape": "ValueError: two lines",
    }


def test_two_files_that_take_one_name_are_both_named(package: Path, tmp_path: Path) -> None:
    text = "import fruit\n\nclass Kiwi:\n    pass\n\nfruit.box.add('kiwi', Kiwi)"
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    for plugin in (first, second):
        plugin.write_text(text)
    box().load_file(first)
    with pytest.raises(InputError, match=f"'kiwi' is registered twice: in {first} and in {second}"):
        box().load_file(second)
    assert box().names() == ["apple", "kiwi"]


def test_two_files_of_one_stem_are_two_modules(package: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        plugin = tmp_path / str(number) / "lime.py"
        plugin.parent.mkdir()
        plugin.write_text(
            f"import fruit\n\nclass Lime:\n    pass\n\nfruit.box.add('lime{number}', Lime)"
        )
        box().load_file(plugin)
        box().load_file(plugin)
    limes = [box().get(f"lime{number}") for number in (1, 2)]
    assert len({cls.__module__ for cls in limes}) == 2  # type: ignore[attr-defined]
    for cls in limes:
        assert getattr(sys.modules[cls.__module__], "Lime") is cls  # type: ignore[attr-defined]  # noqa: B009


@pytest.mark.parametrize("package_file", [True, False])
def test_plugins_in_sub_folders_are_found_and_machinery_is_not_imported(
    package: Path, package_file: bool
) -> None:
    inner = package / "citrus" / "sour"
    inner.mkdir(parents=True)
    if package_file:
        (package / "citrus" / "__init__.py").write_text("")
        (inner / "__init__.py").write_text("1 / 0  # never imported: it registers nothing")
        (inner / "__init__.py").write_text("")
    (inner / "lemon.py").write_text("import fruit\nfruit.fruit = fruit.box.add\n"
                                    "from fruit import fruit\nfruit('lemon', 6)")  # fmt: skip
    (inner / "peeler.py").write_text("raise RuntimeError('machinery was imported')")
    (package / ".hidden").mkdir()
    (package / ".hidden" / "x.py").write_text("fruit('x', 1)")
    assert box().names() == ["apple", "lemon"]
    assert box().broken == {}


def test_the_projects_own_plugins_come_before_files_dropped_flat(package: Path) -> None:
    (package / "inner").mkdir()
    (package / "inner" / "own.py").write_text(
        "import fruit\ndef fruit_(*a): fruit.box.add(*a)\n# fruit('pear')\nfruit_('pear', 7)"
    )
    (package / "aaa.py").write_text("import fruit\nfruit.box.add('pear', 8)")
    assert box().get("pear") == 7
    assert [*box().broken] == ["fruit.aaa"]


def test_a_plugin_in_a_folder_that_repeats_a_name_costs_the_project_nothing(package: Path) -> None:
    for folder, end in (("aaa", "import launderbench"), ("inner", "fruit_('melon', 9)")):
        (package / folder).mkdir()
        (package / folder / "some.py").write_text(
            "import fruit\ndef fruit_(*a): fruit.box.add(*a)\n"
            f"# fruit('pear')\nfruit_('pear', {len(folder)})\n{end}"
        )
    assert box().get("pear") == 5 and box().get("melon") == 9
    assert [*box().broken] == ["fruit.aaa.some"]


def test_an_entry_point(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "date"

        def load(self) -> None:
            box().add("date", 4)

    monkeypatch.setattr("benchmark.core.registry.entry_points", lambda group: [Point()])
    assert box().get("date") == 4


@pytest.mark.parametrize("end", ["1 / 0", "raise SystemExit(3)", "import sys; sys.exit()"])
def test_a_file_that_fails_midway_leaves_nothing(package: Path, tmp_path: Path, end: str) -> None:
    other: Registry[int] = Registry("other", "fruit", "no.such.group")
    import fruit  # type: ignore[import-not-found]

    fruit.other = other
    other.names()
    plugin = tmp_path / "elder.py"
    plugin.write_text(f"import fruit\nfruit.box.add('elder', 5)\nfruit.other.add('e', 5)\n{end}")
    with pytest.raises(InputError, match=r"elder\.py failed to load"):
        box().load_file(plugin)
    assert box().names() == ["apple"] and other.names() == []
    plugin.write_text("import fruit\nfruit.box.add('elder', 55)")
    box().load_file(plugin)
    assert box().get("elder") == 55


def test_a_file_with_the_name_of_a_folder_is_reported(package: Path) -> None:
    for folder in (package / "citrus", package / "deep" / "inner"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (package / "citrus.py").write_text("import fruit\nfruit.box.add('orange', 9)")
    (package / "deep" / "inner.py").write_text("# fruit('plum')")
    (package / "apple").mkdir()  # a folder of data, which hides nothing
    assert box().names() == ["apple"]
    assert box().broken == {
        "fruit.citrus": "fruit/citrus.py has the name of a folder: rename it",
        "fruit.deep.inner": "fruit/deep/inner.py has the name of a folder: rename it",
    }


def test_the_first_file_of_a_folder_may_register(package: Path) -> None:
    (package / "citrus").mkdir()
    (package / "citrus" / "__init__.py").write_text(
        "import fruit\ndef fruit_(*a): fruit.box.add(*a)\n# fruit('lime')\nfruit_('lime', 7)"
    )
    assert box().names() == ["apple", "lime"]


def test_tests_are_not_imported(package: Path) -> None:
    (package / "citrus").mkdir()
    for folder in (package, package / "citrus"):
        (folder / "test_lemon.py").write_text("# fruit('lemon')\n1 / 0")
    assert box().names() == ["apple"] and box().broken == {}


def test_a_file_of_the_package_can_be_given_by_path(package: Path) -> None:
    box().load_file(package / "apple.py")
    assert box().names() == ["apple"]


def test_a_module_that_fails_leaves_nothing_in_other_registries(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: Registry[type] = Registry("other", "fruit", "no.such.group")
    import fruit

    monkeypatch.setattr(fruit, "other", other, raising=False)
    (package / "stone.py").write_text(
        "import fruit\n\nclass Stone:\n    pass\n\nfruit.other.add('stone', Stone)"
    )
    (package / "banana.py").write_text(
        "import fruit, fruit.stone\n\nclass Peel:\n    pass\n\nfruit.other.add('peel', Peel)\n1 / 0"
    )
    assert [*box().names()] == ["apple"] and [*box().broken] == ["fruit.banana"]
    assert [*other._items] == ["stone"]  # its module is loaded, and would not be imported again


def test_looking_up_imports_no_machinery_of_the_project() -> None:
    code = (
        "import sys\n"
        "from attacks.contract.base import registry as attacks\n"
        "from detectors.contract.base import registry as detectors\n"
        "attacks.names(), detectors.names()\n"
        "print([n for n in sys.modules if n.endswith('.conformance')], attacks.broken,"
        " detectors.broken, len(attacks.names()) > 50, len(detectors.names()) > 25)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[] {} {} True True", done.stdout + done.stderr
