"""The result tables, and the kind of row that each holds."""

from __future__ import annotations

from benchmark.leaderboard.rows.cell_rows import (
    BreakdownRow,
    ConditionRow,
    ConditionSummary,
    GridCellRow,
)
from benchmark.leaderboard.rows.comparison_rows import DifferenceRow
from benchmark.leaderboard.rows.detector_rows import (
    LeaderboardRow,
    RobustnessRow,
    SeedRow,
    SeverityRow,
)
from benchmark.leaderboard.rows.evidence_rows import (
    BudgetRow,
    EffectRow,
    FailureRow,
    InputRow,
    QualityRow,
)

TABLES: dict[str, type] = {  # by name of the CSV file
    "leaderboard": LeaderboardRow,
    "tracks": LeaderboardRow,
    "conditions": ConditionSummary,
    "conditions_full": ConditionRow,
    "robustness": RobustnessRow,
    "severity": SeverityRow,
    "differences": DifferenceRow,
    "breakdown": BreakdownRow,
    "seeds": SeedRow,
    "grid": GridCellRow,
    "effects": EffectRow,
    "failures": FailureRow,
    "inputs": InputRow,
    "quality": QualityRow,
    "quality_budget": BudgetRow,
}
