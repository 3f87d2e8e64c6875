"""Paths of files that the tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
GOLDEN = DATA / "golden"
PLUGINS = ROOT / "tests" / "plugins"
TOY_PLUGIN = PLUGINS / "toy_plugin.py"
