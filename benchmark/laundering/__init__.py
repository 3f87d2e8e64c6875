"""Laundering of files and of the utterances of a run, with what was verified."""
