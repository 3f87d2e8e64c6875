"""The command `serve`: a web page to try a clip on, and to browse leaderboards."""

from __future__ import annotations

import importlib.util
from argparse import Namespace
from pathlib import Path

from benchmark.cli import console, typed
from benchmark.cli.arguments import (
    Command,
    at_least,
    device_option,
    noise_option,
    positive,
    seed,
    weights_options,
)
from benchmark.core.errors import InputError

EXTRA = "web"


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("serve", "serve a web page: launder and score a clip, browse leaderboards", serve)
    sub.add_argument(
        "--host", default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, for this machine alone)",
    )  # fmt: skip
    sub.add_argument(
        "--port", type=at_least(0, 65535), default=8501, help="port (8501; 0: any free one)"
    )
    sub.add_argument(
        "--max-upload", type=at_least(1, 2000), default=50, metavar="MB",
        help="largest file that is taken (default: 50)",
    )  # fmt: skip
    sub.add_argument(
        "--max-seconds", type=positive, default=60.0, metavar="S",
        help="longest clip that is taken (default: 60)",
    )  # fmt: skip
    sub.add_argument(
        "--jobs", type=at_least(1, 64), default=2, metavar="N",
        help="clips that are worked on at once, each in a process of its own (default: 2)",
    )  # fmt: skip
    sub.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR",
        help="folder whose leaderboards are shown (default: results)",
    )  # fmt: skip
    sub.add_argument("--detectors", default="", help="comma-separated, or all (default: a few)")
    weights_options(sub)
    sub.add_argument(
        "--train-data", type=Path, metavar="DIR",
        help="data set on which the detectors were trained (default: the embedded one)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed with which they were trained")
    device_option(sub)
    noise_option(sub)


def serve(options: Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM, which end it as asked."""
    if importlib.util.find_spec("streamlit") is None:
        raise InputError(f"serve needs Streamlit: pip install 'launderbench[{EXTRA}]'")
    context = typed.context(options)
    from benchmark.inference.scorer import resolve_device
    from benchmark.runs import detector_choice
    from benchmark.runs.detector_choice import DetectorChoice
    from benchmark.web import server
    from benchmark.web.limits import Limits

    address = server.Address(options.host, options.port)
    device = str(resolve_device(options.device))
    choice = DetectorChoice(
        detector_choice.names_in(options.detectors),
        tuple(options.checkpoint),
        tuple(options.weights),
        options.train_data,
        options.seed,
        device=device,
    )
    limits = Limits(options.max_upload, options.max_seconds, jobs=options.jobs)
    service = server.Service(
        detector_choice.ready(choice), device, limits, options.results, context
    )
    if not address.loopback:
        console.complain(
            f"warning: {options.host} is no loopback address: whoever reaches it can use this"
            " server, which knows no passwords and sends everything unencrypted"
        )
    try:
        server.serve(service, address, lambda url: print(f"{url} (Ctrl-C ends it)", flush=True))
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return 0
