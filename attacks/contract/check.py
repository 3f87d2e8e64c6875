"""One claim about an utterance, with its measurement and its verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One claim of an attack about one utterance, with the measurement and the verdict.

    `relation` states how the measurement must relate to the claim: `=` (within `tolerance`), `>=`
    or `<=`. `measured` and `passed` are None if nothing can be measured, for example on silence;
    `claimed` and `passed` are None if the measurement is stated and nothing is claimed of it.
    `effect` is False for a check of what the attack must not change (the length, a filter's pass
    band). Such a check can refute an utterance, but only an effect can verify one.
    """

    quantity: str
    unit: str
    relation: str
    claimed: float | None
    measured: float | None
    tolerance: float
    passed: bool | None
    effect: bool = True

    @property
    def due(self) -> bool | None:
        """Return the verdict that claim, measurement and tolerance give, None if one is missing.

        Raises
        ------
        ValueError
            The relation is none of `=`, `>=` and `<=`.
        """
        return _verdict(self.relation, self.claimed, self.measured, self.tolerance)

    @classmethod
    def near(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        tolerance: float,
        *,
        effect: bool = True,
    ) -> Check:
        """Return a check that passes when the measurement is within `tolerance` of the claim."""
        passed = _verdict("=", claimed, measured, tolerance)
        return cls(quantity, unit, "=", claimed, measured, tolerance, passed, effect)

    @classmethod
    def within(
        cls,
        quantity: str,
        unit: str,
        band: tuple[float, float],
        measured: float | None,
        *,
        effect: bool = True,
    ) -> Check:
        """Return a check that passes when the measurement lies in `band`: claimed is its middle."""
        low, high = band
        return cls.near(quantity, unit, (low + high) / 2, measured, (high - low) / 2, effect=effect)

    @classmethod
    def at_least(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        *,
        effect: bool = True,
    ) -> Check:
        """Return a check that passes when the measurement is the claim or more."""
        passed = _verdict(">=", claimed, measured, 0.0)
        return cls(quantity, unit, ">=", claimed, measured, 0.0, passed, effect)

    @classmethod
    def at_most(
        cls,
        quantity: str,
        unit: str,
        claimed: float,
        measured: float | None,
        *,
        effect: bool = True,
    ) -> Check:
        """Return a check that passes when the measurement is the claim or less."""
        passed = _verdict("<=", claimed, measured, 0.0)
        return cls(quantity, unit, "<=", claimed, measured, 0.0, passed, effect)

    @classmethod
    def unclaimed(cls, quantity: str, unit: str, measured: float | None) -> Check:
        """Return the statement of a measurement of which nothing is claimed."""
        return cls(quantity, unit, ">=", None, measured, 0.0, None)


def _verdict(
    relation: str, claimed: float | None, measured: float | None, tolerance: float
) -> bool | None:
    """Return whether the measurement relates to the claim as stated; None if one is missing."""
    if relation not in ("=", ">=", "<="):
        raise ValueError(f"relates claim and measurement by {relation!r}")
    if claimed is None or measured is None:
        return None
    if relation == ">=":
        return bool(measured >= claimed - tolerance)
    if relation == "<=":
        return bool(measured <= claimed + tolerance)
    return bool(abs(measured - claimed) <= tolerance)
