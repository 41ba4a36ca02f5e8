# Concord: everything from a fresh clone. Needs Python 3.11 or newer, git and make.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test lint check bench bench-address bench-api bench-import bench-latency bench-webhooks screenshots fuzz lock clean

# The oldest supported Python first: it has a wheel for every pinned package.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$p; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Concord needs Python 3.11 or newer on the PATH." >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "installing what requirements.lock pins"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "installing what requirements-dev.lock pins"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/run.stamp ## make .venv with all that Concord needs to run

setup-dev: $(VENV)/dev.stamp ## the same, with what tests and linters need

run: setup ## two sandbox CRMs, a worker and a first sync, live, in one process
	@exec $(BIN)/concord up

test: setup-dev ## the whole test suite, on its own PostgreSQL and Redis if none is named
	@exec $(BIN)/python -m pytest -n auto --cov=sync.core --cov-branch --cov-report=term-missing:skip-covered \
		--cov-fail-under=100

lint: setup-dev ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## lint and test

bench: setup-dev ## whole syncs of 100,000 customers on SQLite and PostgreSQL
	@$(BIN)/python -m bench.sync

bench-address: setup-dev ## the address check against labelled pairs
	@$(BIN)/python -m bench.address

bench-api: setup-dev ## the API under load, with 1,000,000 customers in PostgreSQL
	@$(BIN)/python -m bench.api

bench-import: setup-dev ## an import of 100,000 rows on SQLite and PostgreSQL, cut off and resumed
	@$(BIN)/python -m bench.importing --kill

bench-latency: setup-dev ## from an edit in the CRM to the commit here, in the distributed mode
	@$(BIN)/python -m bench.latency

bench-webhooks: setup-dev ## 100,000 webhooks: good, doubled, forged, stale, disordered, broken
	@$(BIN)/python -m bench.webhooks

screenshots: setup-dev ## the pages in light, dark and narrow, into docs/images
	@$(BIN)/python -m tests.desk.screenshots

fuzz: setup-dev ## 20,000 requests made of the API's description, each answer held against it
	@$(BIN)/python -m bench.fuzz

torture: setup-dev ## the promises under every fault: all parts, or one with PART=schedules
	@$(BIN)/python -m bench.torture $(PART)

torture-short: setup-dev ## the same in a quarter of an hour
	@$(BIN)/python -m bench.torture --form short $(PART)

torture-nightly: setup-dev ## the same all night
	@$(BIN)/python -m bench.torture --form nightly $(PART)

lock: ## pin every dependency anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet -c requirements.lock -o requirements-dev.lock

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
