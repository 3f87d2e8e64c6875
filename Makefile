# Thin targets; every one works first on a fresh machine. Needs Python 3.11 or later, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev
# Bytecode is written when a module is first imported: most modules of torch never are. Images that
# forbid this would compile torch again in every process of a run, 4 s of 7.
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
	-c constraints.txt

EXTRAS := cluster,dev,docs,hub,ray,remote,web

DATA ?=
SUITE ?= core
DETECTORS ?=
DEVICE ?= auto
SEED ?= 0
RUN ?=
LIMIT ?=
WORKERS ?=
PRECISION ?=
TRAIN ?=
QUALITY ?=
ARGS ?=

MATRIX = --suite "$(SUITE)" --device "$(DEVICE)" --seed "$(SEED)" \
	$(if $(DATA),--data "$(DATA)") $(if $(DETECTORS),--detectors "$(DETECTORS)") \
	$(if $(RUN),--run "$(RUN)") $(if $(LIMIT),--limit "$(LIMIT)") \
	$(if $(WORKERS),--workers "$(WORKERS)") $(if $(PRECISION),--precision "$(PRECISION)") $(ARGS)

.PHONY: setup dev bench plan test report reference lint docs perf soak clean help constraints
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
	@echo "variables of bench and plan: DATA SUITE DETECTORS DEVICE SEED RUN LIMIT WORKERS PRECISION"
	@echo "bench TRAIN=1 trains the detectors here instead of using the shipped ones"

setup: $(READY) ## make .venv and install what bench needs, at pinned versions

dev: $(DEV) ## install also what tests, export and the Hugging Face hub need

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "LaunderBench needs Python 3.11 or later; say PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[data]' || { $(INSTALL) -e . && \
		echo "speech engines have no wheel for this Python: the data set is built without them"; }
	@touch $@

$(DEV): $(READY)
	$(INSTALL) -e '.[data,onnx,$(EXTRAS)]' || $(INSTALL) -e '.[$(EXTRAS)]'
	@touch $@

bench: setup ## data, training, the matrix, the leaderboard: all of it
	$(BIN)/launderbench bench $(MATRIX) $(if $(TRAIN),--train) $(if $(QUALITY),--quality "$(QUALITY)")

plan: setup ## what bench would compute, and about how long it takes
	$(BIN)/launderbench plan $(MATRIX)

report: setup ## write the leaderboard of RUN again, from its scores
	$(BIN)/launderbench report "$(if $(RUN),$(RUN),embedded-core)"

reference: setup ## make the reference leaderboards; goes on where it stopped
	$(BIN)/python -m tests.support.reference_leaderboard

test: dev ## the test suite
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

lint: dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: dev ## the documentation in site/; broken links fail. ARGS=serve: shown as it changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs $(if $(ARGS),$(ARGS),build --strict --quiet)

perf: dev ## the speed targets and every stage; ARGS=--benchmark-compare: against the last
	$(BIN)/python -m pytest tests/perf --benchmark-only --benchmark-sort=name \
		--benchmark-autosave $(ARGS)

soak: dev ## long fault and fuzz loops
	$(BIN)/python -m pytest tests/soak --hypothesis-profile=new $(ARGS)

constraints: ## refresh constraints.txt from the index, in a throw-away environment
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[data,onnx,$(EXTRAS)]'
	.venv-constraints/bin/python -m pip freeze --exclude launderbench | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt
	rm -rf .venv-constraints build *.egg-info

clean: ## remove the environment and caches of this checkout (results and the user's cache stay)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks site
