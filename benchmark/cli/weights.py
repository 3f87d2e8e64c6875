"""The command `weights`: list, fetch or add the weights that detectors' authors publish."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli.arguments import Command
from benchmark.core import terminal
from benchmark.core.errors import InputError


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "weights", "list, fetch or add the weights that detectors' authors publish", weights
    )
    sub.add_argument("action", choices=("list", "fetch", "add"))
    sub.add_argument("what", nargs="*", metavar="NAME|FILE", help="to fetch, or to add")


def weights(options: Namespace) -> int:
    """List the published weights, fetch them by name, or take local files of them."""
    from benchmark.inference import published_weights
    from benchmark.workers import plugins
    from detectors.contract.base import registry

    if options.action == "list":
        entries = [*published_weights.index().values()]
    elif not options.what:
        raise InputError(
            f"name what to {options.action}; launderbench weights list shows what there is"
        )
    elif options.action == "add":
        entries = [published_weights.add(Path(file)) for file in options.what]
    else:
        plugins.open_all(options.plugin)
        entries = []
        for name in options.what:
            if "(" in name:
                registry.get(name)().fetch()
                print(f"{name}  is here")
            else:
                entries.append(published_weights.find(name))
                published_weights.fetch(name)
    for entry in entries:
        for line in published_weights.describe(entry):
            print(terminal.paragraph(line))
    return 0
