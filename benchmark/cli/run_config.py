"""Turn command-line options into a plan: data, suite, detectors and folder."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pandas as pd

from attacks.contract import suites
from attacks.contract.condition import Condition, spell
from attacks.contract.precomputed import Ready, made
from benchmark.core import call_syntax, paths
from benchmark.core.errors import InputError, unknown
from benchmark.data import embedded, loading
from benchmark.data.protocol import LABELS, NO_RECIPE, Protocol, require_both_classes
from benchmark.data.trial_table import limited, with_digests, with_recipe
from benchmark.inference import checkpoints, detector_selection, precision, published_weights
from benchmark.inference.checkpoints import Checkpoint
from benchmark.inference.scorer import resolve_device
from benchmark.runs import stored_dev_scores
from benchmark.runs.plan import RunPlan
from benchmark.scores import fusion
from benchmark.scores.load_run import collect
from benchmark.scores.run_results import RunResults
from benchmark.scores.store import Store
from benchmark.training import trained_checkpoints, training_examples
from benchmark.training.training_config import TrainingConfig
from detectors.contract.base import registry as detector_registry

RESULTS = Path("results")
READY = "ready"  # the suite of a data set's ready-made conditions
LONGEST_NAME = 80


def plan(options: Namespace, scored: bool = True) -> RunPlan:
    """Return the plan of these options; `InputError` if something that it needs is missing.

    Without `scored` the plan has no detectors, for scores that another tool computes.
    """
    suite = suite_of(options)
    whole = data(options)
    for condition in suite.conditions:
        if (name := made(condition)) and name not in whole.made():
            raise unknown("ready-made condition of the data set", name, whole.made())
    test, dev = evaluated(options, whole)
    require_both_classes(test, "the test split")
    detectors = _in_precision(ready_detectors(options), options.precision) if scored else ()
    if whole.recipe != NO_RECIPE:
        test = embedded.identified(with_audio(test))
        if not stored_dev_scores.enough(detectors, dev):
            embedded.require(dev)
        dev = with_recipe(dev)
    else:
        dev = with_digests(dev, options.allow_missing)
    return RunPlan(
        with_digests(test, options.allow_missing),
        dev,
        suite.name,
        suite.conditions,
        detectors,
        options.seed,
    )


def evaluated(options: Namespace, whole: Protocol) -> tuple[Protocol, Protocol]:
    """Return the test and the dev utterances of a run."""
    test, dev = whole.split("test"), whole.split("dev")
    if options.limit is not None:
        test = limited(test, options.limit)
        dev = limited(dev, options.limit) if len(dev.table) else dev
    return test, dev


def data(options: Namespace) -> Protocol:
    """Return the data set that the options name, by default the embedded one."""
    if options.data is None:
        return embedded.read()
    labels = dict(_label(item) for item in options.labels.split(",") if item.strip())
    return loading.open_data(
        options.data, layout=options.layout, pattern=options.pattern, labels=labels or None
    )


def _label(item: str) -> tuple[str, str]:
    word, equals, label = (part.strip() for part in item.rpartition("="))
    if not equals or label not in LABELS:
        raise InputError(f"--labels: want WORD=bonafide or WORD=spoof, not {item.strip()!r}")
    return word, label


def suite_of(options: Namespace) -> suites.Suite:
    """Return the suite, and set the noise folder for its attacks."""
    if options.noise_dir is not None:
        if not options.noise_dir.is_dir():
            raise InputError(f"noise folder not found: {options.noise_dir}")
        os.environ[paths.NOISES_VARIABLE] = str(options.noise_dir.resolve())
    suite = _ready_made(options) if options.suite == READY else suites.parse_suite(options.suite)
    lacking: dict[str, str] = {}
    for condition in suite.conditions:
        for step in condition.steps:
            if step.name not in lacking and (cause := step.unavailable()):
                lacking[step.name] = f"{spell(step)} is not available in this build: {cause}"
    if lacking:
        raise InputError("; ".join(lacking.values()))
    return suite


def _ready_made(options: Namespace) -> suites.Suite:
    """Return all conditions in which the data set is already laundered."""
    whole = data(options)
    if not whole.made():
        raise InputError(
            f"{whole.name} brings no ready-made conditions, which --suite {READY} asks for"
        )
    conditions = (Condition(), *(Condition((Ready(name),)) for name in whole.made()))
    return suites.Suite(READY, f"as {whole.name} brings them", conditions)


def needs_embedded(options: Namespace, suite: suites.Suite) -> bool:
    """Return True if a run with these options needs audio of the embedded set or its noises."""
    if options.data is None or needs_bank(options, suite):
        return True
    return options.train_data is None and bool(to_train(options, known_training_data(options)))


def needs_bank(options: Namespace, suite: suites.Suite) -> bool:
    """Return True if the suite draws from a noise bank that is not built yet."""
    try:
        for condition in suite.conditions:
            condition.identity()
    except InputError:
        return options.noise_dir is None  # the user repairs a folder of theirs
    return False


def choose(options: Namespace, whole: Protocol) -> set[str]:
    """Return the ids of the embedded set whose audio a run with these options needs.

    These are the test utterances, the dev utterances unless all detectors have stored scores of
    them, and train and dev if a detector must be trained.
    """
    ids: set[str] = set()
    training = bool(to_train(options, known_training_data(options)))
    if options.data is None:
        test, dev = evaluated(options, whole)
        ids.update(test.table["utterance_id"])
        if training or not stored_dev_scores.enough(
            _in_precision(ready_detectors(options), options.precision), dev
        ):
            ids.update(dev.table["utterance_id"])
    if training and options.train_data is None:
        ids.update(training_examples.used_ids(whole))
    return ids


def to_train(options: Namespace, data: Protocol | None) -> list[str]:
    """Return the selected detectors that have no checkpoint of a training on `data`."""
    return [name for name in untrained_names(options) if _trained(name, options, data) is None]


def _trained(name: str, options: Namespace, data: Protocol | None) -> Checkpoint | None:
    """Return the checkpoint of a detector's training on `data`; shipped ones not with --train."""
    shipped = not getattr(options, "train", False)
    return trained_checkpoints.find(name, TrainingConfig(options.seed), data, shipped)


def known_training_data(options: Namespace) -> Protocol | None:
    """Return the data of `training_data`; None if the embedded set is not known here yet."""
    if options.train_data:
        return loading.open_data(options.train_data)
    try:
        return embedded.read()
    except InputError:
        return None


def asked_detectors(options: Namespace) -> list[str]:
    """Return the names in --detectors, as given; commas in parentheses do not separate them."""
    return [name.strip() for name in call_syntax.split(options.detectors, ",") if name.strip()]


def detector_names(options: Namespace, given: dict[str, Checkpoint]) -> list[str]:
    """Return the selected detectors; the default ones without names and checkpoints.

    On CUDA the defaults include published detectors whose weights are cached. `all` selects every
    detector that is available here.
    """
    asked = asked_detectors(options)
    if detector_selection.ALL in asked:
        asked = [
            *detector_selection.every(),
            *(name for name in asked if name != detector_selection.ALL),
        ]
    for name in asked:
        if name.partition("(")[0].strip() in fusion.METHODS:
            raise InputError(f'{name} is an ensemble: ask for it with --ensemble "{name}"')
    asked = [n if n in given else detector_registry.get(n).name for n in asked]
    if not asked and not given:
        cuda = resolve_device(options.device).type == "cuda"
        published = filter(detector_selection.published_here, detector_registry.names())
        return detector_selection.default() + ([*published] if cuda else [])
    return list(dict.fromkeys([*asked, *given]))


def untrained_names(options: Namespace) -> list[str]:
    """Return the selected detectors that a run trains, including those already trained.

    Raises `InputError` if published weights of a selected detector are not in the cache.
    """
    given = _given(options)
    names = [name for name in detector_names(options, given) if name not in given]
    for name in names:
        if name in published_weights.index():
            published_weights.checkpoint(name)
    return [name for name in names if not detector_registry.get(name).pretrained]


def training_data(options: Namespace) -> Protocol:
    """Return the data for detectors without a checkpoint: --train-data, or the embedded set."""
    return loading.open_data(options.train_data) if options.train_data else embedded.read()


def ready_detectors(options: Namespace) -> tuple[Checkpoint, ...]:
    """Return the checkpoints to run; `InputError` says how to train a detector without one."""
    given = _given(options)
    names = detector_names(options, given)
    given |= {
        name: published_weights.checkpoint(name)
        for name in names
        if name in published_weights.index() and name not in given
    }
    given |= {
        name: checkpoints.ready_made(name)
        for name in names
        if name not in given and detector_registry.get(name).ready_made
    }
    data = None
    if set(names) - set(given):
        data = known_training_data(options)
    ready = []
    for name in names:
        found = given.get(name) or _trained(name, options, data)
        if found is None:
            spelt = shlex.quote(name)
            where = f" --data {shlex.quote(str(options.train_data))}" if options.train_data else ""
            foreign = detector_registry.get(name).pretrained
            raise InputError(
                f"detector {name!r} is not trained for seed {options.seed}:"
                f"{f' give its weights with --weights {spelt}=FILE, or' if foreign else ''}"
                f" run launderbench train {spelt} --seed {options.seed}{where}"
                + (f" ({cause})" if (cause := _refusal(name, options, data)) else "")
            )
        ready.append(found)
    return tuple(ready)


def _refusal(name: str, options: Namespace, data: Protocol | None) -> str | None:
    config = TrainingConfig(options.seed)
    return trained_checkpoints.refused(name, config, data) if data else None


def _in_precision(ready: tuple[Checkpoint, ...], asked: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints in precision `asked`; those that cannot use it stay in float32."""
    if asked != checkpoints.FLOAT32 and not any(map(precision.takes, ready)):
        names = ", ".join(checkpoint.name for checkpoint in ready)
        raise InputError(f"--precision {asked} changes nothing: no network is among {names}")
    return tuple(precision.lowered(checkpoint, asked) for checkpoint in ready)


def folder(options: Namespace, matrix: RunPlan) -> Path:
    """Return the folder of the run: --run, else one below results/ named by data and suite."""
    if options.run:
        return run_folder(options.run, new=True)
    parts = [matrix.test.name, matrix.suite]
    if options.limit is not None:
        parts.append(f"limit{options.limit}")
    if options.seed:
        parts.append(f"seed{options.seed}")
    name = "-".join(re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-") for part in parts)
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return RESULTS / name


def run_folder(text: str, new: bool = False) -> Path:
    """Return the folder of a run that is given by a path or by its name below results/.

    A folder of that name in the working directory precedes one below results/, and a folder with a
    run precedes one without. A `new` run never goes into a folder with other content: `RUN=tests`
    means results/tests.
    """
    here, below = Path(text), RESULTS / text
    if "/" in text:
        return here
    for folder in (here, below):
        if Store(folder).head.is_file():
            return folder
    return here if here.is_dir() and not below.is_dir() and not new else below


def _given(options: Namespace) -> dict[str, Checkpoint]:
    loaded = [checkpoints.load(path) for path in options.checkpoint]
    loaded += [published_weights.given(name, path) for name, path in options.weights]
    given: dict[str, Checkpoint] = {}
    for checkpoint in loaded:
        other = given.setdefault(checkpoint.name, checkpoint)
        if other.path != checkpoint.path:
            raise InputError(
                f"{other.path} and {checkpoint.path} are both called {checkpoint.name!r}:"
                " train one of them with --name"
            )
    return given


def utterances(options: Namespace) -> Protocol:
    """Return the utterances of the chosen splits; `InputError` if there are none."""
    whole = data(options)
    names = whole.table["split"].unique() if options.split == "all" else [options.split]
    parts = [whole.split(name) for name in names]
    if options.limit is not None:
        parts = [limited(part, options.limit) if len(part.table) else part for part in parts]
    table = pd.concat([part.table for part in parts], ignore_index=True)
    if table.empty:
        raise InputError(f"{whole.root} holds no {options.split} utterance")
    return with_audio(replace(whole, table=table.sort_values("utterance_id", ignore_index=True)))


def with_audio(protocol: Protocol) -> Protocol:
    """Return the protocol; `InputError` if it is of the embedded set and audio is not built."""
    if protocol.recipe != NO_RECIPE:
        embedded.require(protocol)
    return protocol


def one_detector(options: Namespace) -> Checkpoint:
    """Return the detector that the options name: a checkpoint file, a name, or weights for one.

    If it is not available, `InputError` says how to get it.
    """
    path = Path(options.detector)
    is_file = path.suffix == ".safetensors"
    if is_file and options.weights:
        raise InputError(f"{path} is a checkpoint already: it takes no --weights")
    as_for_a_run = Namespace(
        detectors="" if is_file or options.weights else options.detector,
        checkpoint=[path] if is_file else [],
        weights=[(options.detector, options.weights)] if options.weights else [],
        train_data=options.train_data,
        seed=options.seed,
        device=options.device,
    )
    found = ready_detectors(as_for_a_run)
    if len(found) != 1:
        raise InputError(f"want one detector, not {options.detector!r}")
    return found[0]


def results(run: str) -> RunResults:
    """Read the run of that folder or name; `InputError` names the folder."""
    folder = run_folder(run)
    try:
        return collect(folder, {})
    except InputError as error:
        raise InputError(
            str(error) if str(folder) in str(error) else f"{folder}: {error}"
        ) from error
