"""The command `weights`: published weights to list, fetch or add; own ones to pack."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command
from benchmark.core import terminal
from benchmark.core.errors import InputError


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command(
        "weights",
        "list, fetch or add the weights that detectors' authors publish; pack own ones with their"
        " dev scores",
        weights,
    )
    sub.add_argument("action", choices=("list", "fetch", "add", "pack"))
    sub.add_argument("what", nargs="*", metavar="NAME|FILE", help="to fetch, to add or to pack")
    sub.add_argument("--out", type=Path, metavar="DIR", help="with pack: the folder for the files")
    sub.add_argument(
        "--half", action="store_true", help="with pack: store matrices and kernels in 16 bits"
    )


def weights(options: Namespace) -> int:
    """List, fetch or add published weights, or pack own ones."""
    from benchmark.inference import published_weights
    from detectors.contract.base import registry

    if options.action != "pack" and (options.out or options.half):
        raise InputError(f"weights {options.action} takes neither --out nor --half")
    if options.action == "list":
        entries = [*published_weights.index().values()]
    elif not options.what:
        raise InputError(
            f"name the weights to {options.action}; launderbench weights list shows all"
        )
    elif options.action == "pack":
        return _pack(options)
    elif options.action == "add":
        entries = [published_weights.add(Path(file)) for file in options.what]
    else:
        typed.context(options)
        entries = []
        for name in options.what:
            if "(" in name:
                registry.get(name)().fetch()
                print(f"{name}  is here")
            else:
                entries.append(published_weights.find(name))
                published_weights.fetch(name)
    lines = [line for entry in entries for line in published_weights.describe(entry)]
    if options.action == "list":
        lines += published_weights.by_hand()
    for line in lines:
        print(terminal.paragraph(line))
    return 0


def _pack(options: Namespace) -> int:
    """Pack detectors that were trained on the embedded data set, or checkpoint files of them."""
    from benchmark.data import embedded
    from benchmark.exchange.pack_checkpoints import pack
    from benchmark.inference import checkpoints
    from benchmark.training import trained_checkpoints
    from benchmark.training.training_config import TrainingConfig

    if options.out is None:
        raise InputError("weights pack: name the folder for the files with --out DIR")
    whole = embedded.read()
    dev = whole.split("dev")
    embedded.require(dev)
    for name in options.what:
        if Path(name).suffix == checkpoints.OURS:
            found = checkpoints.load(Path(name))
        else:
            here = trained_checkpoints.find(name, TrainingConfig(), whole, shipped=False)
            if here is None:
                raise InputError(f"{name} is not trained here: launderbench train {name}")
            found = here
        print(pack(found, dev, options.out, options.half))
    return 0
