"""Laundering of files, measured effects, and the verification of attacks."""
