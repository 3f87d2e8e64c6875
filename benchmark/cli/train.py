"""The command `train`: train detectors and keep their checkpoints."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.arguments import (
    Command,
    at_least,
    data_option,
    device_option,
    noise_option,
    positive,
    seed,
)
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    import torch

    from benchmark.data.protocol import Protocol
    from benchmark.training.training_config import TrainingConfig

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
        help="with --suite: how often a recording is heard clean (default: 0.25)",
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
    sub.add_argument("--loss", default="bce", help="bce (default), ce or oc-softmax")
    sub.add_argument("--precision", default="float32", help="float32 (default) or bf16 (mixed)")
    sub.add_argument("--name", default="", help="what to call it in tables (one detector only)")
    sub.add_argument("--out", type=Path, help="checkpoint file (one detector only)")
    sub.add_argument("--force", action="store_true", help="train again what is there")


def train(options: Namespace) -> int:
    """Train detectors and keep their checkpoints."""
    from benchmark.inference import detector_selection, published_weights
    from benchmark.inference.scorer import resolve_device
    from benchmark.workers import plugins
    from detectors.contract.base import registry

    plugins.load(options.plugin)
    names = [*options.names] or detector_selection.default()
    if detector_selection.ALL in names:
        fetch_all()
        every = [n for n in detector_selection.every() if not registry.get(n).pretrained]
        named = [name for name in names if name != detector_selection.ALL]
        names = list(dict.fromkeys([*every, *named]))
    names = [registry.get(name).name for name in names]
    for name in names:
        if name in published_weights.index():
            raise InputError(f"detector {name!r} has published weights: it cannot be trained")
        if registry.get(name).ready_made:
            raise InputError(f"detector {name!r} comes ready-made: it is not trained")
    for option in ("out", "name"):
        if getattr(options, option) and len(names) != 1:
            raise InputError(f"--{option} takes one detector; name it")
    config = _config(options)
    for name in names:
        _require_taken(name, config)
    protocol = _training_data(options)
    device = resolve_device(options.device)
    train_missing(names, protocol, config, device, options.plugin, options.out, options.force)
    return 0


def train_missing(
    names: Sequence[str],
    protocol: Protocol,
    config: TrainingConfig,
    device: torch.device,
    plugin_files: Sequence[Path],
    out: Path | None = None,
    force: bool = False,
) -> None:
    """Train the detectors that have no checkpoint yet, or all with `force`."""
    from benchmark.training import trained_checkpoints
    from benchmark.training.parallel_training import train_all
    from detectors.contract.base import registry

    wanted: dict[str, Path] = {}
    for name in names:
        path = out or trained_checkpoints.path_of(name, config, protocol)
        if path.is_file() and not force:
            print(f"{config.called(name)} is trained already: {path}")
        else:
            registry.get(name)().fetch()
            wanted[name] = path
    if wanted:
        train_all(wanted, protocol, device, config, tuple(plugin_files))


def fetch_all() -> None:
    """Fetch what detectors need before they can be trained, and print which are left out."""
    from benchmark.inference import detector_selection

    for line in detector_selection.bring():
        print(line, file=sys.stderr)


def _require_taken(name: str, config: TrainingConfig) -> None:
    """Refuse (`InputError`) a configuration that the detector cannot take."""
    from benchmark.inference import networks
    from benchmark.training import trained_checkpoints, training_config
    from detectors.contract.base import TensorDetector, registry

    item = registry.get(name)()
    training_config.require_taken(item, config)
    if config.loss == networks.ONE_CLASS and isinstance(item, TensorDetector):
        trained_checkpoints.fetch_foundation(item)
        networks.require_one_class(item)


def _config(options: Namespace) -> TrainingConfig:
    from benchmark.cli import run_config
    from benchmark.inference import checkpoints
    from benchmark.training.training_config import LaunderingAugmentation, TrainingConfig

    changes: dict[str, Any] = {
        field: value
        for option, field in RECIPE.items()
        if (value := getattr(options, option)) is not None
    }
    laundering = None
    if options.suite:
        suite = run_config.suite_of(options)
        spelled = tuple(str(c) for c in suite.conditions if c.steps)
        laundering = LaunderingAugmentation(
            suite.name, spelled, options.clean_share, options.variants
        )
    start = checkpoints.load(options.start) if options.start else None
    return TrainingConfig(
        options.seed, changes, options.loss, options.precision, laundering, start, options.name,
        options.patience,
    )  # fmt: skip


def _training_data(options: Namespace) -> Protocol:
    from benchmark.cli import run_config
    from benchmark.data import splitting
    from benchmark.training import training_examples

    ratios = {} if options.splits == PROTOCOL else splitting.ratios_of(options.splits)
    if ratios and "dev" not in ratios:
        raise InputError(f"--splits {options.splits}: training wants three, as 80/10/10")
    protocol = _built(options, bool(ratios)) if options.data is None else run_config.data(options)
    if ratios:
        protocol = splitting.split(protocol, ratios, options.seed)
        counts = protocol.table["split"].value_counts()
        print(
            f"split by speaker: {counts['train']} train, {counts['dev']} dev; the"
            f" {counts['test']} of test are left out (launderbench data split keeps such splits)"
        )
    elif not set(protocol.table["split"]) >= {"train", "dev"}:
        raise InputError(
            f"{protocol.root} has no train and dev splits: say --splits 80/10/10 to cut them by"
            " speaker, or launderbench data split to keep them"
        )
    for line in training_examples.left_out(protocol):
        print(line)
    if not options.subset:
        return protocol
    return training_examples.subset(protocol, options.subset)


def _built(options: Namespace, whole: bool) -> Protocol:
    """Build train and dev of the embedded data set, or the whole set, and return its protocol."""
    from benchmark.data import embedded
    from benchmark.inference.scorer import resolve_device
    from benchmark.training import training_examples

    return embedded.build(
        None if whole else training_examples.used_ids,
        bank=bool(options.suite) and options.noise_dir is None,
        device=str(resolve_device(options.device)),
    )
