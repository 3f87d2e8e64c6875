"""Configuration of a run as values: what it computes, how, and what its report shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmark.audio.input_faults import FAULTS
from benchmark.core.checks import settle, whole
from benchmark.core.errors import InputError, unknown
from benchmark.data.data_config import DataConfig
from benchmark.metrics import bootstrap
from benchmark.metrics.decision import ASVSPOOF5, Costs
from benchmark.runs.detector_choice import DetectorChoice
from benchmark.runs.plan import PlanShare
from benchmark.scores import scopes
from benchmark.scores.scopes import BOTH
from benchmark.workers.context import ProcessContext

CACHE_GB = 20.0
UNIT_TIMEOUT_S = 3600.0
VOICES = ("none", "synthetic", "all")
PROCESSES, RAY = EXECUTORS = "processes", "ray"


@dataclass(frozen=True)
class RunConfig:
    """What a run computes: data, suite and detectors.

    suite         : name, TOML file, or conditions joined by `;`
    seed          : seed of the attacks, the first of `attack_seeds`
    attack_seeds  : draws of the attacks, with consecutive seeds
    train_seeds   : trainings of every detector that learns, with consecutive seeds
    limit         : at most this many test utterances, and as many of dev
    run           : run folder, or a name below results/; '' names it by data and suite
    allow_missing : go on if files of the protocol are missing; coverage then says so
    context       : plugins and noise bank of all processes
    """

    data: DataConfig = field(default_factory=DataConfig)
    suite: str = "core"
    detectors: DetectorChoice = field(default_factory=DetectorChoice)
    seed: int = 0
    limit: int | None = None
    run: str = ""
    allow_missing: bool = False
    context: ProcessContext = field(default_factory=ProcessContext)
    attack_seeds: int = 1
    train_seeds: int = 1

    def __post_init__(self) -> None:
        settle(self, seed=whole("seed", self.seed, 0))
        settle(self, attack_seeds=whole("attack_seeds", self.attack_seeds, 1))
        settle(self, train_seeds=whole("train_seeds", self.train_seeds, 1))
        settle(self, limit=whole("limit", self.limit, 2, also=(None,)))


@dataclass(frozen=True)
class ExecutionConfig:
    """How a run is computed; none of this changes its results.

    workers        : worker processes; None for one per core, 0 for this process alone
    retry_failures : compute failed units again
    share          : the part of the units that this machine computes
    audio_cache    : folder that keeps laundered audio, of at most `cache_gb` GB
    here           : detectors score in this process, and workers only launder
    recheck_audio  : compare the SHA-256 of every audio file, not only size and time
    fsync          : force every file to the disk as it is written
    quality        : fakes whose quality is measured under every condition; 0 for none
    executor       : `processes` of this machine, or `ray`
    address        : of a Ray cluster: HOST:PORT, `auto`, or '' to start Ray on this machine
    scorers        : CPUs of a Ray cluster that only score; 0: every task scores what it launders
    unit_timeout   : seconds that a worker may take for one unit (64 utterances under a condition)
    """

    workers: int | None = None
    retry_failures: bool = False
    share: PlanShare = field(default_factory=PlanShare)
    audio_cache: Path | None = None
    cache_gb: float = CACHE_GB
    here: bool = False
    recheck_audio: bool = False
    fsync: bool = False
    unit_timeout: float = UNIT_TIMEOUT_S
    quality: int = 0
    executor: str = PROCESSES
    address: str = ""
    scorers: int = 0

    def __post_init__(self) -> None:
        settle(self, workers=whole("workers", self.workers, 0, also=(None,)))
        settle(self, scorers=whole("scorers", self.scorers, 0))
        if self.executor not in EXECUTORS:
            raise unknown("executor", str(self.executor), EXECUTORS)
        if self.executor != RAY and (self.address or self.scorers):
            raise InputError("--address and --scorers are for --executor ray")
        settle(self, quality=whole("quality", self.quality, 0))
        if not self.unit_timeout > 0.0:
            raise InputError(f"unit_timeout is {self.unit_timeout}: want seconds, above 0")


@dataclass(frozen=True)
class ReportConfig:
    """What the report of a run shows.

    ensembles : fusions of detectors, such as `mean(A, B)`
    voices    : voices that the page may play: none, synthetic or all
    samples   : utterances that the page plays or shows before and after attacks
    resamples : bootstrap resamples behind every interval; 0 for no intervals
    costs     : prior and costs of minDCF and actDCF
    strict    : faults of inputs (`input_faults.FAULTS`) that leave the trial set; by default all
                inputs are scored
    baseline  : detector against which degradation is measured; '' for the shortcut classifier
    scope     : who is laundered in its tables: `both`, or `spoof` (see `benchmark.scores.scopes`);
                with `each`, the report of `spoof` is written into a sub-folder of that of `both`
    """

    ensembles: tuple[str, ...] = ()
    voices: str = "synthetic"
    samples: int = 2
    resamples: int = bootstrap.RESAMPLES
    costs: Costs = ASVSPOOF5
    baseline: str = ""
    strict: tuple[str, ...] = ()
    scope: str = BOTH

    def __post_init__(self) -> None:
        if self.voices not in VOICES:
            raise unknown("choice of voices", str(self.voices), VOICES)
        scopes.reported(self.scope)
        for name in self.strict:
            if name not in FAULTS:
                raise unknown("fault of inputs", name, FAULTS)
        settle(self, samples=whole("samples", self.samples, 0))
        settle(self, resamples=whole("resamples", self.resamples, 0))
