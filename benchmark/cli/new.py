"""The command `new`: write the skeleton of a plugin, with checks and a test that passes."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from argparse import Namespace
from pathlib import Path
from string import Template

from benchmark.cli.arguments import Command
from benchmark.core.errors import InputError

SKELETONS = Path(__file__).with_name("skeletons")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*")


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("new", "write the skeleton of an attack or a detector, and its test", new)
    sub.add_argument("kind", choices=("attack", "detector"))
    sub.add_argument("name", metavar="NAME", help="its registered name, such as mains-hum")
    sub.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="folder (default: this one)"
    )


def new(options: Namespace) -> int:
    """Write NAME.py and test_NAME.py, with - as _.

    `InputError` if the name is not valid or taken, or if a file exists.
    """
    from benchmark.core import atomic_files

    name, kind = options.name, options.kind
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is not a valid name: use letters and digits, in parts joined by - or _,"
            " a letter first"
        )
    _require_free(name)
    parts = re.split("[_-]", name)
    words = {
        "name": name,
        "module": "_".join(parts).lower(),
        "cls": "".join(part[0].upper() + part[1:] for part in parts),
        "suffix": "Network",
    }
    files = {
        options.out / f"{words['module']}.py": f"{kind}.txt",
        options.out / f"test_{words['module']}.py": f"{kind}_test.txt",
    }
    for file in files:
        if file.exists():
            raise InputError(f"{file} exists already: move it away or choose another name")
    _require_importable(words["module"], words["cls"], f"{kind}s")
    for file, skeleton in files.items():
        text = (SKELETONS / skeleton).read_text(encoding="utf-8")
        atomic_files.write(file, Template(text).substitute(words))
    plugin, test = files
    print(
        f"wrote {plugin} and {test}\n"
        f"test it:  python -m pytest {test}\n"
        f"check it: launderbench check {name} --plugin {plugin}\n"
        f"use it:   --plugin {plugin} with any command, or move the file into {kind}s/"
    )
    return 0


def _require_free(name: str) -> None:
    """Raise `InputError` if an attack, a detector, a condition or a suite has the name."""
    from attacks.contract import suites
    from attacks.contract.base import CLEAN
    from attacks.contract.base import registry as attack_registry
    from detectors.contract.base import registry as detector_registry

    taken = {
        "an attack": attack_registry.names(),
        "a detector": [*detector_registry.names(), *detector_registry.parametrised()],
        "a condition": [CLEAN],
        "a suite": suites.names(),
    }
    for what, names in taken.items():
        if name in names:
            raise InputError(f"{what} {name!r} exists already: choose another name")


def _require_importable(module: str, cls: str, package: str) -> None:
    """Raise `InputError` if the module would hide another one, or Python reserves a name."""
    if module.startswith("test_"):
        raise InputError(f"{module}.py would be taken for a test: choose another name")
    if keyword.iskeyword(module) or keyword.iskeyword(cls):
        raise InputError(f"Python reserves the word {module!r}: choose another name")
    if _exists(f"{package}.{module}"):
        raise InputError(f"{package}/ holds a module {module!r} already: choose another name")
    if module in sys.stdlib_module_names or _exists(module):
        raise InputError(f"{module}.py would hide the module {module!r}: choose another name")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # it is loaded, without a spec
        return True
