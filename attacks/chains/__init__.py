"""Chains of attacks: stochastic pools and named pipelines."""
