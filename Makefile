# Thin targets; every one works first on a fresh machine. Needs Python 3.11 or later, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

DATA ?=
SUITE ?= laundering
DETECTORS ?=
DEVICE ?= auto
SEED ?= 0
RUN ?=
LIMIT ?=
WORKERS ?=
PRECISION ?=
ARGS ?=

MATRIX = --suite "$(SUITE)" --device "$(DEVICE)" --seed "$(SEED)" \
	$(if $(DATA),--data "$(DATA)") $(if $(DETECTORS),--detectors "$(DETECTORS)") \
	$(if $(RUN),--run "$(RUN)") $(if $(LIMIT),--limit "$(LIMIT)") \
	$(if $(WORKERS),--workers "$(WORKERS)") $(if $(PRECISION),--precision "$(PRECISION)") $(ARGS)

.PHONY: setup bench plan test report lint perf soak clean help constraints
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
	@echo "variables of bench and plan: DATA SUITE DETECTORS DEVICE SEED RUN LIMIT WORKERS PRECISION"

setup: $(READY) ## make .venv and install everything, at pinned versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "LaunderBench needs Python 3.11 or later; say PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[data,dev,hub,onnx]' || { $(INSTALL) -e '.[dev,hub]' && \
		echo "speech engines have no wheel for this Python: the data set is built without them"; }
	@touch $@

bench: setup ## data, training, the matrix, the leaderboard: all of it
	$(BIN)/launderbench bench $(MATRIX)

plan: setup ## what bench would compute, and about how long it takes
	$(BIN)/launderbench plan $(MATRIX)

report: setup ## write the leaderboard of RUN again, from its scores
	$(BIN)/launderbench report "$(if $(RUN),$(RUN),embedded-laundering)"

test: setup ## the test suite
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

perf: setup ## the speed targets and every stage; ARGS=--benchmark-compare: against the last
	$(BIN)/python -m pytest tests/perf --benchmark-only --benchmark-sort=name \
		--benchmark-autosave $(ARGS)

soak: setup ## long fault and fuzz loops
	$(BIN)/python -m pytest tests/soak $(ARGS)

constraints: ## refresh constraints.txt from the index, in a throw-away environment
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[data,dev,hub,onnx]'
	.venv-constraints/bin/python -m pip freeze --exclude launderbench | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt
	rm -rf .venv-constraints build *.egg-info

clean: ## remove the environment and caches of this checkout (results and the user's cache stay)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
