"""Foundations: errors, registry, parameters and their syntax, paths, atomic files, processes."""
