"""Foundations: errors, the registry, parameters and their syntax, paths, files, processes."""
