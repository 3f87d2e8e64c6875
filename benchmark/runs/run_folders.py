"""Names and paths of run folders."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from benchmark.core import json_text
from benchmark.core.errors import InputError, one_line
from benchmark.runs.plan import RunPlan
from benchmark.runs.run_config import RunConfig
from benchmark.scores.load_run import collect
from benchmark.scores.run_results import RunResults
from benchmark.scores.scopes import BOTH, checked
from benchmark.scores.store import Store

RESULTS = Path("results")
REPORT = "run.json"
LONGEST_NAME = 80


def of(config: RunConfig, matrix: RunPlan) -> Path:
    """Return the folder of a run: its `run`, else one below results/ named by data and suite."""
    if config.run:
        return find(config.run, new=True)
    parts = [matrix.test.name, matrix.suite]
    if config.limit is not None:
        parts.append(f"limit{config.limit}")
    if config.seed:
        parts.append(f"seed{config.seed}")
    name = "-".join(plain(part) for part in parts)
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return RESULTS / name


def plain(text: str) -> str:
    """Return a text as a part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-")


def find(text: str, new: bool = False) -> Path:
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


def scope_of(folder: Path) -> str:
    """Return the scope of the report in a run folder; `both` if it has none, or an older one."""
    path = folder / REPORT
    if not path.is_file():
        return BOTH
    try:
        choices = json_text.parse(path.read_bytes())["choices"]
        return checked(str(choices.get("scope", BOTH)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({one_line(error)})") from error


def results(run: str) -> RunResults:
    """Read the run of that folder or name; `InputError` names the folder."""
    folder = find(run)
    try:
        return collect(folder, {})
    except InputError as error:
        raise InputError(
            str(error) if str(folder) in str(error) else f"{folder}: {error}"
        ) from error
