"""What the actions of the `data` command do."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.cli import run_config
from benchmark.core import atomic_files, paths
from benchmark.data import embedded, subsets
from benchmark.data.protocol import Protocol
from benchmark.data.trial_table import rows_of


def build(options: Namespace) -> None:
    """Build the embedded data set."""
    protocol = embedded.build()
    print(f"{len(protocol.table)} utterances in {protocol.root}, audio {protocol.audio_digest}")


def card(options: Namespace) -> None:
    """Show the card of the embedded data set."""
    embedded.read()
    print((paths.embedded() / "CARD.md").read_text(), end="")


def describe(options: Namespace) -> None:
    """Say what a data set holds, what is wrong with it, and how much it leaks."""
    from benchmark.data import description_text
    from benchmark.data.description import describe

    found = describe(
        run_config.data(options),
        limit=options.limit,
        decode=not options.headers,
        workers=options.workers,
    )
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if options.out:
        atomic_files.write(options.out, text)
    print(text if options.json else "\n".join(description_text.lines(found)))


def balance(options: Namespace) -> None:
    """Write a balanced subset."""
    whole = run_config.data(options)
    by = [column.strip() for column in options.by.split(",") if column.strip()]
    part = subsets.balanced(whole, by, options.seed)
    _write(whole, part, options, {"balanced by": by})


def split(options: Namespace) -> None:
    """Write new splits, and say what shares came of it."""
    from benchmark.data import splitting

    whole = run_config.data(options)
    ratios = splitting.ratios_of(options.ratios)
    part = splitting.split(whole, ratios, options.seed)
    _write(whole, part, options, {"split": options.ratios})
    print("\n".join(splitting.achieved(part, ratios)))


def fetch(options: Namespace) -> None:
    """Fetch a corpus, or list them."""
    from benchmark.data import corpora

    if options.name is None:
        print("\n".join(corpora.listing()))
        return
    corpus = corpora.find(options.name)
    folder = options.to or Path("data") / corpus.name
    for line in corpora.fetch(corpus, folder, options.only, options.keep):
        print(line, flush=True)
    print(f"next: launderbench data describe {folder}")


def _write(whole: Protocol, part: Protocol, options: Namespace, made: Mapping[str, Any]) -> None:
    origin = {"from": whole.name, "trial_digest": whole.digest(), "seed": options.seed}
    written = subsets.write(part, options.out, {**origin, **made})
    print(f"{len(part.table)} of {len(whole.table)} utterances in {written}")
    for (name, label), count in sorted(Counter(rows_of(part.table, "split", "label")).items()):
        print(f"  {name} {label}: {count}")
