"""The command `new`: write the skeleton of a plugin, with checks and a test that passes."""

from __future__ import annotations

import re
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
    """Write NAME.py and test_NAME.py; `InputError` where the name is taken or a file exists."""
    from attacks.contract.base import registry as attack_registry
    from benchmark.core import atomic_files
    from detectors.contract.base import registry as detector_registry

    name, kind = options.name, options.kind
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for {'an attack' if kind == 'attack' else 'a detector'}:"
            " want letters and digits, in parts joined by - or _, a letter first"
        )
    known = {"attack": attack_registry.names, "detector": detector_registry.names}[kind]()
    if name in known:
        raise InputError(f"there is {kind} {name!r} already: choose another name")
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
