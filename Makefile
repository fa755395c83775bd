# hindlog: `make demo` runs the main job, `make test` the tests; each sets itself up.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# Compiled modules are kept, also those of the tests: each process that a test starts needs them.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup fmt lint test test-all check coverage mutants bench crash soak demo docs picture site lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "hindlog needs Python 3.11 or later on PATH; name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup: $(STAMP) ## a virtual environment with hindlog and its tools in .venv

fmt: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: $(STAMP) ## format check, lint, types, import rules
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports --no-logo

test: $(STAMP) ## the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

test-all: $(STAMP) ## what `make test` leaves out or draws few cases of, at length
	HINDLOG_TESTS=all $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow or sampled"

coverage: $(STAMP) ## the tests, with the coverage of each package against its floor
	PYTEST_ADDOPTS='--cov --cov-report=json:.coverage.json' $(MAKE) test
	$(BIN)/python tests/coverage_floor.py .coverage.json

check: lint test ## what every commit passes

mutants: $(STAMP) ## faults planted one at a time, e.g. MUTANTS='--sample 200 --seed 7' or '--since main'
	$(BIN)/python -m tests.mutation $(MUTANTS)

bench: $(STAMP) ## every figure, as a ratio against its baseline in the same run
	@for b in bench/bench_*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

crash: $(STAMP) ## kill -9 the real processes a thousand times
	HINDLOG_CRASH_ROUNDS=1000 $(BIN)/python -m pytest -n 2 tests/crash

soak: $(STAMP) ## kill and damage pushes to a real S3 server for an hour, with random seeds
	HINDLOG_SOAK_SECONDS=$${HINDLOG_SOAK_SECONDS:-3600} $(BIN)/python -m pytest -s tests/mirror/test_soak.py

demo: $(STAMP) ## the main job from end to end, offline, in about a minute
	$(BIN)/hindlog demo data/demo

picture: $(STAMP) ## draw docs/hindlog.svg from the archive of `make demo`
	test -d data/demo/log || $(MAKE) demo
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.docs.draw_picture data/demo docs/hindlog.svg

site: $(STAMP) ## build the documentation as a site in build/site, without the network
	$(BIN)/mkdocs build --quiet

docs: $(STAMP) ## write the generated pages of docs/ anew
	$(BIN)/python -m cli.reference docs

lock: $(STAMP) ## write constraints.txt: the versions that are installed in .venv
	$(BIN)/python tests/locked_versions.py > constraints.tmp
	mv constraints.tmp constraints.txt

clean: ## remove what the targets above made
	rm -rf $(VENV) .cache .mutants .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
