"""The command `train`: train detectors and keep their checkpoints."""

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
    positive,
    recipe_option,
    seed,
)

PROTOCOL = "protocol"  # --splits: keep the splits of the data set
RECIPE = {"epochs": "epochs", "batch_size": "batch_size", "lr": "learning_rate"}


def add(command: Command) -> None:
    """Add the command and its options."""
    sub = command("train", "train detectors on a data set's train split", train)
    sub.add_argument("names", nargs="*", metavar="DETECTOR", help="or all (default: a few)")
    data_option(sub)
    sub.add_argument(
        "--splits", default=PROTOCOL, metavar="80/10/10",
        help="cut train/dev/test by speaker in these shares (default: protocol, the data's own)",
    )  # fmt: skip
    sub.add_argument("--subset", type=at_least(2), metavar="N", help="at most N for training")
    sub.add_argument(
        "--suite", default="", help="launder training data: suite, TOML file or conditions"
    )
    sub.add_argument(
        "--clean-share", type=float, default=0.25, metavar="SHARE",
        help="with --suite: share of clean presentations (default: 0.25)",
    )  # fmt: skip
    sub.add_argument(
        "--variants", type=at_least(1, 1000), default=4, metavar="N",
        help="with --suite: laundered variants of each recording (default: 4)",
    )  # fmt: skip
    noise_option(sub)
    sub.add_argument(
        "--start", type=Path, metavar="FILE", help="begin with the weights of this checkpoint"
    )
    sub.add_argument("--seed", type=seed, default=0)
    device_option(sub)
    sub.add_argument("--epochs", type=at_least(1), help="instead of the detector's own number")
    sub.add_argument(
        "--patience", type=at_least(1), metavar="N",
        help="keep the epoch of the lowest dev EER and stop after N without a lower one (default:"
        " keep the last epoch near the lowest)",
    )  # fmt: skip
    sub.add_argument("--batch-size", type=at_least(2), help="instead of the detector's own")
    sub.add_argument("--lr", type=positive, help="peak learning rate")
    sub.add_argument("--loss", default="", help="bce (default), ce or oc-softmax")
    sub.add_argument("--precision", default="", help="float32 (default) or bf16 (mixed)")
    recipe_option(sub)
    sub.add_argument("--name", default="", help="its name in tables (one detector only)")
    sub.add_argument("--out", type=Path, help="checkpoint file (one detector only)")
    sub.add_argument(
        "--force", action="store_true", help="retrain detectors that have a checkpoint"
    )


def train(options: Namespace) -> int:
    """Train detectors and keep their checkpoints."""
    from benchmark.api import training

    recipe = {
        field: value
        for option, field in RECIPE.items()
        if (value := getattr(options, option)) is not None
    }
    training.train(
        training.TrainConfig(
            tuple(options.names),
            typed.data_config(options),
            options.splits,
            options.subset,
            options.suite,
            options.clean_share,
            options.variants,
            options.start,
            options.seed,
            options.device,
            recipe,
            options.patience,
            options.loss,
            options.precision,
            options.name,
            options.out,
            options.force,
            typed.context(options),
            tuple(options.recipe),
        )
    )
    return 0
