"""The reference of all commands and options as Markdown, made from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmark.report import markdown

COLUMNS = ("option", "meaning")

INTRODUCTION = """\
# Command line

This page is made from the parser: it lists every command and every option. `launderbench COMMAND
--help` prints the same. Options are never abbreviated. The exit code is 0 (all is written), 1 (not
all is as claimed), 2 (bad input), 70 (an unforeseen error), 130 (Ctrl-C) or 143 (SIGTERM)."""


@dataclass(frozen=True)
class Documented:
    """A command as its user types it, what it does, and its arguments and options in order."""

    name: str
    summary: str
    options: tuple[argparse.Action, ...]


def document(parser: argparse.ArgumentParser) -> str:
    """Return the page as Markdown: options without a command, shared options, every command."""
    found = [*commands(parser)]
    first, *rest = [{_usage(option): option for option in one.options} for one in found]
    shared = {usage: option for usage, option in first.items() if all(usage in r for r in rest)}
    blocks = [
        INTRODUCTION,
        "## Without a command",
        _table(_options(parser)),
        "## Options of every command",
        _table(shared.values()),
    ]
    for one in found:
        blocks += [f"## {markdown.escape(one.name)}", f"{markdown.escape(one.summary)}."]
        if own := [option for option in one.options if _usage(option) not in shared]:
            blocks.append(_table(own))
    return "\n\n".join(blocks) + "\n"


def commands(
    parser: argparse.ArgumentParser, above: tuple[argparse.Action, ...] = ()
) -> Iterator[Documented]:
    """Yield every command of a parser; of a command with subcommands, those alone.

    above : the options that a subcommand takes from the command above it
    """
    for group in parser._actions:
        if not isinstance(group, argparse._SubParsersAction):
            continue
        summaries = {entry.dest: entry.help or "" for entry in group._choices_actions}
        for name, sub in group.choices.items():
            options = (*_options(sub), *above)
            below = [*commands(sub, options)]
            named = [Documented(f"{name} {one.name}", one.summary, one.options) for one in below]
            summary = summaries[name]
            yield from named or [Documented(name, summary[:1].upper() + summary[1:], options)]


def _options(parser: argparse.ArgumentParser) -> tuple[argparse.Action, ...]:
    """Return the arguments and options that `--help` shows, but for `--help` itself."""
    return tuple(
        action
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        and not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    )


def _table(options: Iterable[argparse.Action]) -> str:
    rows = [(f"`{_usage(o)}`".replace("|", "\\|"), _meaning(o)) for o in options]
    return markdown.table(COLUMNS, rows)


def _usage(action: argparse.Action) -> str:
    """Return an option as it is spelled, with the name of its value: `--seed SEED`."""
    name = action.option_strings[-1] if action.option_strings else ""
    value = action.metavar or action.dest.upper()
    value = " ".join(value) if isinstance(value, tuple) else value
    if action.nargs == 0:
        value = ""
    elif action.nargs in (argparse.ZERO_OR_MORE, argparse.ONE_OR_MORE):
        value += " ..."
    return " ".join(part for part in (name, value) if part)


def _meaning(action: argparse.Action) -> str:
    """Return the help of an option, with its choices and its default where the help lacks them."""
    said = (action.help or "") % vars(action)
    parts = [said]
    choices = [str(choice) for choice in action.choices or ()]
    if not all(choice in said for choice in choices):
        parts.append(f"({', '.join(choices)})")
    default = action.default
    shown = isinstance(default, int | float | str) and not isinstance(default, bool)
    if shown and default not in ("", argparse.SUPPRESS) and "default" not in said:
        parts.append(f"(default: {default})")
    if action.required and action.option_strings:
        parts.append("(must be given)")
    return markdown.escape(" ".join(part for part in parts if part))
