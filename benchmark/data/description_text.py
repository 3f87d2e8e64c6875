"""Text version of a data set's description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.data.shortcut_leakage import LEAST, SURE, few

MEDIAN, LOW, HIGH = "50%", "5%", "95%"
NAMED = 5  # of the groups without an AUC


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the result of `describe` as lines of text; lines about faults begin with `!`."""
    yield f"{found['name']}: {found['utterances']} utterances in {found['root']}"
    yield f"trial digest {found['trial_digest']}"
    read = found["audio_read"]
    if read["sample"]:
        yield (
            f"Counts cover the whole data set; audio was read from a sample of {read['files']}"
            " files, with classes and spoof systems in proportion."
        )
    yield ""
    yield from _splits(found["splits"])
    if found["spoof_systems"]:
        yield ""
        yield "spoof systems"
        for system, splits in found["spoof_systems"].items():
            yield f"  {system}: {_counted(splits)}"
    yield ""
    yield from _audio(found)
    yield ""
    yield "faults"
    yield from _faults(found) if any(True for _ in _faults(found)) else ["  none found"]
    if "leak" in found:
        yield ""
        yield from _leak(found["leak"])
    else:
        yield "Only headers were read: content, silence and the shortcut classifier are unknown."


def _splits(splits: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    heads = ("split", "utterances", "bonafide", "spoof", "spoof/bonafide", "speakers", "systems")
    rows: list[tuple[str, ...]] = [heads]
    for name, part in splits.items():
        ratio = part["spoof_per_bonafide"]
        rows.append(
            (
                name,
                *(str(part[key]) for key in ("utterances", "bonafide", "spoof")),
                "-" if ratio is None else f"{ratio:g}",
                str(part["speakers"] or "-"),
                str(part["spoof_systems"] or "-"),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells)


def _audio(found: Mapping[str, Any]) -> Iterator[str]:
    for name, part in found["durations"].items():
        seconds = part["seconds"]
        yield (
            f"{name}: {part['files']} files, {part['hours']:.2f} h; median {seconds[MEDIAN]:g} s,"
            f" 90 % within {seconds[LOW]:g} to {seconds[HIGH]:g} s,"
            f" all within {seconds['0%']:g} to {seconds['100%']:g} s"
        )
    for kind, counts in found["formats"].items():
        yield f"{kind}: {_counted(counts) or '-'}"


def _faults(found: Mapping[str, Any]) -> Iterator[str]:
    broken = found["broken"]
    if broken["files"]:
        yield f"! {broken['files']} files cannot be used: {_counted(broken['causes'])}"
        yield from (f"    {one['path']}: {one['cause']}" for one in broken["first"])
    misnamed = found["misnamed"]
    if misnamed["files"]:
        first = ", ".join(f"{one['path']} is {one['format']}" for one in misnamed["first"][:5])
        yield f"! {misnamed['files']} files differ in format from their extension: {first}"
    if found["same_path"]:
        yield f"! {found['same_path']} rows name a file that an earlier row already names"
    for name, fault in found.get("inputs", {}).items():
        first = ", ".join(fault["first"][:5])
        yield f"! {fault['files']} inputs `{name}`: {fault['meaning']}: {first}"
    same = found.get("duplicates", {"files": 0})
    if same["files"]:
        yield f"! {same['files']} files repeat the samples of other files, in {same['sets']} sets"
        if same["contradictions"]:
            yield f"! {same['contradictions']} of these sets contain both bona fide and spoof"
        for one in same["first"][:5]:
            yield "    " + " = ".join(
                f"{u['utterance_id']} ({u['label']}, {u['split']})" for u in one[:4]
            )
    words = {"speaker": "speakers", "pair": "recordings", "content": "identical recordings"}
    for column, pairs in found["overlap"].items():
        for pair in pairs:
            one, other = pair["splits"]
            shown = "" if column == "content" else f": {', '.join(pair['first'][:5])}"
            yield f"! {one} and {other} share {pair['shared']} {words[column]}{shown}"


def _leak(leak: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "AUC of a classifier that uses only level, silence and coarse bands (0.5 is chance; ± the"
        " standard error of a guess)"
    )
    if leak["auc"] is None:
        yield f"  {leak['verdict']}"
        return
    yield f"  {leak['verdict']} ({leak['method']})"
    yield f"  {_auc(leak, 'overall')}"
    for kind in ("systems", "sources"):
        for name, part in leak[kind].items():
            yield f"  {_auc(part, f'{kind[:-1]} {name}')}"
    yield (
        f"  The verdict follows the highest AUC of all and of systems with at least {SURE} trials"
        " of each class: of several small groups, one stands high by chance."
    )
    for kind in ("systems", "sources"):
        left = leak[f"{kind}_left_out"]
        if left:
            first = ", ".join(_numbers(name, part) for name, part in [*left.items()][:NAMED])
            more = f", and {len(left) - NAMED} more" if len(left) > NAMED else ""
            why = f", which needs {LEAST} trials of each class" if kind == "sources" else ""
            yield f"  {len(left)} {kind} have no AUC{why}: {first}{more}"


def _auc(part: Mapping[str, Any], name: str) -> str:
    """Return an AUC with its error and the numbers of its trials; small numbers are marked."""
    mark = ", few" if few(part) else ""
    numbers = f"{part['bonafide']} bona fide, {part['spoof']} spoof{mark}"
    return f"{part['auc']:.3f} ± {part['error']:.2f} {name} ({numbers})"


def _numbers(name: str, part: Mapping[str, int]) -> str:
    return f"{name} ({part['bonafide']} bona fide, {part['spoof']} spoof)"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
