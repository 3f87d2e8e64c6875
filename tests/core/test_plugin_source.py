"""The source of a plugin: which files count, and that what is brought along has no digest."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import pytest

from attacks.contract.base import registry as attacks
from attacks.contract.condition import parse
from benchmark.core import plugin_source
from benchmark.core.registry import Registry
from benchmark.inference import checkpoints
from benchmark.training import trained_checkpoints
from benchmark.workers import plugins
from detectors.contract.base import registry as detectors
from tests.support.places import PLUGINS

FRUIT = "class {name}:\n    pass\n\nfrom fruit_box import box\nbox.add({name!r}, {name})\n"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path with a registry of its own."""
    (tmp_path / "fruit_box.py").write_text(
        "from benchmark.core.registry import Registry\n"
        "box = Registry('fruit', 'fruit_empty', 'no.such.group')\n"
    )
    (tmp_path / "fruit_empty").mkdir()
    (tmp_path / "fruit_empty" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def box() -> Registry[type]:
    return importlib.import_module("fruit_box").box  # type: ignore[no-any-return]


def test_what_is_brought_along_keeps_its_identity() -> None:
    found = [c.__name__ for r in (attacks, detectors) for c in r.items()  # type: ignore[attr-defined]
             if plugin_source.of(c).suffix]  # fmt: skip
    assert found == []
    assert parse("lowpass").identity() == "lowpass(cutoff=7000)#v1"
    assert parse("mp3(kbps=16) | opus").identity() == (
        "mp3(kbps=16, passes=1, loss=0)#v1 | opus(kbps=16, passes=1, loss=0)#v1"
    )
    mixed = parse("stochastic").identity()
    assert mixed.startswith("stochastic(pool=mixed, least=1, most=3)#v3+noise/babble:")
    assert mixed.endswith("+version/reverberation:1+version/vorbis:1")
    (path,) = trained_checkpoints.FOLDER.glob("lfcc-gmm-*.safetensors")
    assert checkpoints.load(path).identity == f"lfcc-gmm|v1|waves|sha256:{sha256(path)}"


def test_a_file_is_digested_alone_whatever_it_is_called(site: Path) -> None:
    for folder in ("one", "two"):
        (site / folder).mkdir()
        (site / folder / "helper.py").write_text(f"# {folder}")
    plugin = site / "one" / "kiwi.py"
    plugin.write_text(FRUIT.format(name="Kiwi"))
    box().load_file(plugin)
    found = plugin_source.of(box().get("Kiwi"))
    assert found.files == (("kiwi.py", sha256(plugin)),) and found.opened
    assert found.suffix == f"@{sha256(plugin)[:16]}"


def test_a_package_is_digested_whole(site: Path) -> None:
    for name in ("__init__.py", "helper.py", "deep/__init__.py", "deep/plum.py"):
        path = site / "orchard" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(FRUIT.format(name="Plum") if "plum" in name else f"# {name}")
    (site / "orchard" / "notes.txt").write_text("no code")
    importlib.import_module("orchard.deep.plum")
    found = plugin_source.of(box().get("Plum"))
    names = ("__init__.py", "deep/__init__.py", "deep/plum.py", "helper.py")
    assert [name for name, _ in found.files] == [f"orchard/{name}" for name in names]
    assert not found.opened

    (site / "orchard" / "helper.py").write_text("# changed")
    assert plugin_source.of(box().get("Plum")) == found  # what runs is what was loaded
    box().remove("Plum")
    for name in [name for name in sys.modules if name.startswith("orchard")]:
        del sys.modules[name]
    importlib.import_module("orchard.deep.plum")
    assert plugin_source.of(box().get("Plum")).suffix != found.suffix


def test_a_file_dropped_flat_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import attacks as package

    dropped = tmp_path / "dropped_crush.py"
    dropped.write_text((PLUGINS / "crush_package" / "crush.py").read_text())
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.import_module("attacks.dropped_crush")
    try:
        assert parse("crush").identity() == f"crush(bits=8)#v1@{sha256(dropped)[:16]}"
        assert plugins.files()["dropped_crush.py"] == sha256(dropped)
    finally:
        attacks.remove("crush")
        del sys.modules["attacks.dropped_crush"]


def test_a_class_of_a_notebook_is_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    def cell(text: str) -> plugin_source.Source:
        name = f"<cell {len(text)}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        scope = {"__name__": "no_such_module"}
        exec(compile(text, name, "exec"), scope)
        found = scope["Pear"]
        assert isinstance(found, type)
        return plugin_source.of(found)

    text = "class Pear:\n    size = 3\n    def eat(self):\n        return {}\n"
    assert cell(text.format(1)).suffix == cell(text.format(1)).suffix
    assert cell(text.format(1)).suffix != cell(text.format(22)).suffix


def test_two_files_of_one_name_are_both_listed() -> None:
    first, second = type("A", (), {}), type("B", (), {})
    plugin_source._known[first] = plugin_source.Source((("x.py", "aa"),))
    plugin_source._known[second] = plugin_source.Source((("x.py", "bb"),))
    assert plugin_source.files_of([second, first]) == {"x.py": "aa", "x.py (2)": "bb"}
