"""The command `study`: experiments on trainings. `study augmentation` leaves families out."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmark.cli import typed
from benchmark.cli.arguments import (
    Command,
    at_least,
    data_option,
    device_option,
    noise_option,
    recipe_option,
    resamples_option,
    seed,
    workers_option,
)


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("study", "train detectors in several ways, and compare them", study)
    sub.add_argument(
        "study", choices=tuple(STUDIES), metavar="STUDY",
        help="augmentation: does laundering in training help against families it never met?",
    )  # fmt: skip
    sub.add_argument(
        "--detectors", required=True, metavar="A,B", help="detectors that can be trained"
    )
    data_option(sub)
    sub.add_argument("--suite", default="core", help="suite name, TOML file or conditions")
    sub.add_argument(
        "--families", default="", metavar="F,G",
        help="families of the suite, two at least; each is left out in turn (default: all)",
    )  # fmt: skip
    sub.add_argument("--seed", type=seed, default=0, help="seed of attacks, first of the trainings")
    sub.add_argument(
        "--seeds", type=at_least(1, 1000), default=3, metavar="N",
        help="trainings of each kind, with the seeds from --seed on (default: 3)",
    )  # fmt: skip
    sub.add_argument("--epochs", type=at_least(1), help="instead of the detectors' own number")
    recipe_option(sub)
    sub.add_argument("--subset", type=at_least(2), metavar="N", help="at most N for training")
    sub.add_argument("--limit", type=at_least(2), help="at most this many test trials")
    sub.add_argument(
        "--clean-share", type=float, default=0.25, metavar="SHARE",
        help="share of clean presentations in trainings with laundering (default: 0.25)",
    )  # fmt: skip
    sub.add_argument(
        "--variants", type=at_least(1, 1000), default=4, metavar="N",
        help="laundered variants of each recording (default: 4)",
    )  # fmt: skip
    resamples_option(sub)
    sub.add_argument(
        "--out", type=Path, metavar="DIR",
        help="folder of the study, which goes on there (default: results/augmentation-study)",
    )  # fmt: skip
    device_option(sub)
    workers_option(sub)
    noise_option(sub)


def study(options: Namespace) -> int:
    """Run the study that is asked for."""
    return STUDIES[options.study](options)


def augmentation(options: Namespace) -> int:
    """Train and score what is missing; print the table and the path of its file."""
    from benchmark.api import augmentation_study
    from benchmark.metrics import bootstrap
    from benchmark.report import augmentation_text
    from benchmark.runs.detector_choice import names_in

    context = typed.context(options)
    done = augmentation_study.study(
        augmentation_study.AugmentationStudy(
            names_in(options.detectors),
            typed.data_config(options),
            options.suite,
            tuple(filter(None, map(str.strip, options.families.split(",")))),
            options.seed,
            options.seeds,
            {} if options.epochs is None else {"epochs": options.epochs},
            options.subset,
            options.limit,
            options.clean_share,
            options.variants,
            bootstrap.RESAMPLES if options.bootstrap is None else options.bootstrap,
            options.out or augmentation_study.FOLDER,
            options.device,
            options.workers,
            context,
            tuple(options.recipe),
        )
    )
    print(augmentation_text.text(done.table, done.note))
    print(done.written[-1])
    return 0


STUDIES = {"augmentation": augmentation}
