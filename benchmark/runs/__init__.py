"""Runs: the plan, its units, how they are executed, provenance."""
