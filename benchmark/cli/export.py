"""The command `export`: write a detector as an ONNX file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import Command, detector_options


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("export", "write a detector as an ONNX file", export)
    detector_options(sub)
    sub.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="file to write")
    sub.add_argument("--int8", action="store_true", help="also FILE with .int8 in its name")


def export(options: Namespace) -> int:
    """Write the ONNX file and print how far its scores are from the original's."""
    from benchmark.exchange import onnx_export
    from benchmark.runs import detector_choice

    typed.context(options)
    detector = detector_choice.one(typed.chosen_detector(options))
    for line in onnx_export.export(detector, options.onnx, options.int8, options.train_data):
        print(line, flush=True)
    return 0
