"""The brief contract check of plugin attacks before a run; its outcome is part of the plan.

What LaunderBench brings along is checked by its own tests. A plugin is checked by whoever runs it:
an attack that breaks the contract, or was not checked, is measured and scored, but never verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from attacks.chains.stochastic import Composite
from attacks.contract.base import Attack
from attacks.contract.condition import Condition, spell
from benchmark.core import plugin_source
from benchmark.core.log import logger
from benchmark.core.progress import progress_bar
from benchmark.runs.plan import RunPlan
from benchmark.scores.plan_files import PLUGIN_CHECKS
from benchmark.scores.store import Store
from benchmark.workers import fresh_order
from benchmark.workers.context import ProcessContext

UNOPENED = "the check did not run in fresh processes: load the attack from a plugin file"
_found: dict[str, str] = {}  # by identity, so that one process checks the same source once


def checked(
    plan: RunPlan,
    store: Store,
    context: ProcessContext,
    unit_timeout: float = fresh_order.LONGEST_S,
) -> RunPlan:
    """Return the plan with the outcome for each condition with plugins: a cause, '' if it passed.

    A condition that passed in the run of `store` with the same source is not checked again. A check
    launders less than a unit: it may take `unit_timeout` seconds, and 120 s at most.
    """
    using = {c: [*_plugins(c)] for c in plan.conditions}
    using = {condition: steps for condition, steps in using.items() if steps}
    passed = _passed(store)
    new = {c: steps for c, steps in using.items() if c.identity() not in passed}
    steps = {spell(step): step for found in new.values() for step in found}
    longest_s = min(unit_timeout, fresh_order.LONGEST_S)
    causes = _causes(steps, context, longest_s) if steps else {}
    outcome = {}
    for condition in using:
        found = (causes[spell(step)] for step in new.get(condition, ()))
        outcome[str(condition)] = cause = next(filter(None, found), "")
        if cause:
            logger.warning(f"{condition} cannot be verified, its plugin fails the check: {cause}")
    return replace(plan, plugin_checks=outcome)


def _plugins(condition: Condition) -> Iterator[Attack]:
    """Yield the steps of a condition that are plugins, and those that it may draw."""
    for step in condition.steps:
        for part in (step, *(step.examples() if isinstance(step, Composite) else ())):
            if plugin_source.of(type(part)).files:
                yield part


def _passed(store: Store) -> set[str]:
    """Return the identities of the conditions that passed in the run that is in the store."""
    head = store.read_head() or {}
    known = head.get(PLUGIN_CHECKS, {})
    return {c["identity"] for c in head.get("conditions", ()) if known.get(c["condition"]) == ""}


def _causes(steps: dict[str, Attack], context: ProcessContext, longest_s: float) -> dict[str, str]:
    """Return the first finding about each attack, '' if there is none."""
    identities = {name: Condition((step,)).identity() for name, step in steps.items()}
    new = {name: step for name, step in steps.items() if identities[name] not in _found}
    opened = [name for name, step in new.items() if plugin_source.of(type(step)).opened]
    causes = dict.fromkeys(new, UNOPENED)
    if opened:
        found = fresh_order.first_findings(opened, context, longest_s)
        causes.update(progress_bar(found, "checking plugins", len(opened), unit="attack"))
    _found.update({identities[name]: cause for name, cause in causes.items()})
    return {name: _found[identity] for name, identity in identities.items()}
