"""A detector that runs an external program, which reads WAV files and writes scores."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmark.audio.reader import SAMPLE_RATE
from benchmark.core.errors import InputError
from benchmark.core.parameters import choice, number, text
from detectors.contract.base import Arrays, Wave, WaveDetector, detector
from detectors.external.bounded_process import MOST_OUTPUT, bounded_run

LIST = "{list}"
SHOWN = 200  # characters of a program's output that an error message quotes


@detector("command")
@dataclass(frozen=True)
class ExternalCommand(WaveDetector):
    """Any program, started without a shell, once per batch of up to 16 utterances.

    It reads the paths of 16 kHz mono WAV files, one per line, from its standard input. If the
    command contains the word `{list}`, that word is replaced by the path of a file with these
    lines instead. The program writes one line per file to its standard output, in any order: the
    path, a space or tab, and the score (higher = more bona fide). Nothing else may be written
    there; progress messages belong on standard error. The exit code must be 0.

    run     : the command line, quoted as for a shell
    timeout : seconds per batch after which the program and its child processes are killed
    samples : `float` (32 bit) or `pcm16`; a wave too loud for 16 bit is attenuated until it fits
    weights : path of a file or folder that determines the scores, if the command does not name
              it; its content, and every file that the command names, is part of the identity
    """

    summary = "a program that reads WAV paths and writes scores"
    citation = ""
    pretrained = True
    ready_made = True
    run: str = text()
    timeout: float = number(600.0, low=0.1, high=86400.0, unit="s")
    samples: str = choice("float", "float", "pcm16")
    weights: str = text()

    def validate(self) -> None:
        program, *_ = self.words()
        if shutil.which(program) is None:
            raise InputError(f"command: program not found, or not executable: {program}")
        if self.weights and not Path(self.weights).exists():
            raise InputError(f"command: weights not found: {self.weights}")

    def words(self) -> list[str]:
        """Return the words of the command line; raise `InputError` if there are none."""
        try:
            words = shlex.split(self.run)
        except ValueError as error:
            raise InputError(f"command: cannot read {self.run!r} ({error})") from error
        if not words:
            raise InputError(
                'command: name the program to run, for example command(run="python score.py")'
            )
        return words

    def files(self) -> tuple[Path, ...]:
        named = [Path(word) for word in self.words() if Path(word).is_file()]
        if not self.weights:
            return tuple(named)
        weights = Path(self.weights)
        found = [weights] if weights.is_file() else filter(Path.is_file, weights.rglob("*"))
        return (*named, *sorted(found))

    def facts(self) -> dict[str, str]:
        return {"command": self.run}

    def fit(self, waves: Sequence[Wave], bonafide: npt.NDArray[np.bool_], seed: int) -> Arrays:
        raise InputError("an external command is ready-made: it cannot be trained")

    def score(self, waves: Sequence[Wave], state: Arrays) -> npt.NDArray[np.float32]:
        """Return the program's scores (len(waves),); `RuntimeError` gives the cause if it fails."""
        with tempfile.TemporaryDirectory(prefix="launderbench-") as folder:
            paths = [str(Path(folder) / f"{number:04d}.wav") for number in range(len(waves))]
            for path, wave in zip(paths, waves, strict=True):
                self._write(path, wave)
            return _scores(self._output(paths, Path(folder) / "list.txt"), paths)

    def _write(self, path: str, wave: Wave) -> None:
        if self.samples == "pcm16":
            peak = max(float(np.abs(wave).max()) * 2**15 / (2**15 - 1), 1.0)
            soundfile.write(path, wave / peak, SAMPLE_RATE, subtype="PCM_16")
        else:
            soundfile.write(path, wave, SAMPLE_RATE, subtype="FLOAT")

    def _output(self, paths: list[str], listing: Path) -> str:
        lines = "".join(f"{path}\n" for path in paths)
        listing.write_text(lines)
        words = [str(listing) if word == LIST else word for word in self.words()]
        given = "" if LIST in self.words() else lines
        done = bounded_run(words, given.encode(), self.timeout)
        errors = done.errors.decode("utf-8", "replace")
        if done.flooded:
            raise RuntimeError(
                f"the command wrote more than {MOST_OUTPUT // 10**6} MB and was ended"
            )
        if done.code is None:
            raise RuntimeError(
                f"the command gave no answer within {self.timeout:g} s and was ended"
            )
        if done.code:
            raise RuntimeError(
                f"the command failed with exit code {done.code}: {_last_line(errors)}"
            )
        return done.output.decode("utf-8", "replace")


def _scores(output: str, paths: list[str]) -> npt.NDArray[np.float32]:
    """Return the scores of `paths` from the program's output; `RuntimeError` quotes a bad line."""
    found: dict[str, float] = {}
    for line in filter(str.strip, output.splitlines()):
        path, _, word = line.strip().rpartition("\t" if "\t" in line else " ")
        path = path.strip()
        if path not in paths:
            raise RuntimeError(f"the command wrote a line that is no `path score`: {line[:SHOWN]}")
        if path in found:
            raise RuntimeError(f"the command scored an utterance twice: {line[:SHOWN]}")
        try:
            found[path] = float(word)
        except ValueError as error:
            raise RuntimeError(f"the command's score is no number: {line[:SHOWN]}") from error
    if len(found) < len(paths):
        raise RuntimeError(f"the command wrote {len(found)} scores for {len(paths)} utterances")
    return np.array([found[path] for path in paths], np.float32)


def _last_line(errors: str) -> str:
    """Return the last non-empty line of `errors`, which usually names the error."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1][:SHOWN] if lines else "it said nothing"
