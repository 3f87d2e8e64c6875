"""Runs: the plan, its units, their execution, and provenance."""
