# Two commands: `make run` plays a day at the sample campus, `make test` runs the tests. Both set up what is missing.
SHELL := bash
.DEFAULT_GOAL := help

PYTHON ?= python3
UV_VERSION := 0.13.9
MINISTACK_VERSION := 1.5.33
UV := .tools/uv/bin/uv
MINISTACK := .tools/.ministack-$(MINISTACK_VERSION)
RUN := .venv/bin/

PEOPLE ?= 200
SEEDS ?= 2000
AWS ?= embedded
TENANT ?= campus
UNIT_PYTHON ?= python3.13
PROCESSES ?= 2

.PHONY: help setup run test test-unit check format schemas simulate simulate-mutants bench bench-eligibility bench-delivery bench-extract bench-sources clean

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .tools/uv
	.tools/uv/bin/pip install --quiet uv==$(UV_VERSION)

.venv/.complete: pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --frozen --all-extras --group dev --python $(PYTHON)
	touch $@

# The emulator pins an SDK of its own, so it lives in an environment of its own; its Python is also the functions'.
$(MINISTACK): | .venv/.complete
	rm -rf .tools/ministack
	$(UV) venv --quiet --python .venv/bin/python .tools/ministack
	$(UV) pip install --quiet --python .tools/ministack/bin/python ministack==$(MINISTACK_VERSION) aws-sam-translator
	touch $@

# A directory and a database for the tests, from Debian's packages, without root. Elsewhere its tests say what is missing.
.tools/.openldap: tests/delivery/openldap.py tests/debian.py | .venv/.complete
	@if command -v apt-get >/dev/null; then $(RUN)python -m tests.delivery.openldap install; fi
	@touch $@

.tools/.postgresql: tests/postgresql.py tests/debian.py | .venv/.complete
	@if command -v apt-get >/dev/null; then $(RUN)python -m tests.postgresql install; fi
	@touch $@

setup: .venv/.complete $(MINISTACK) .tools/.openldap .tools/.postgresql ## Install everything into .venv and .tools

run: setup ## Deploy to a local AWS and play a day at the sample campus (ONCE=1: check and exit; PEOPLE=200; TENANT=federation)
	$(RUN)python -m localstack.run --people $(PEOPLE) --aws $(AWS) --tenant $(TENANT) $(if $(ONCE),--once)

test: setup ## Run all tests
	$(RUN)python -m pytest -n $(PROCESSES) --dist loadfile

test-unit: setup ## Run the tests that need no server, on another Python: make test-unit UNIT_PYTHON=python3.13
	UV_PROJECT_ENVIRONMENT=.tools/unit $(UV) sync --quiet --frozen --all-extras --group test --python $(UNIT_PYTHON)
	.tools/unit/bin/python -m pytest -n $(PROCESSES) --dist loadfile tests/core tests/protocols tests/stages tests/command

check: setup ## Lint, types, import contracts, and the template
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)python -m infra.render localstack/campus > .tools/campus.template.json
	$(RUN)cfn-lint .tools/campus.template.json

schemas: setup ## Write the JSON Schemas of a bundle's files, as the models are
	$(RUN)python -m provisioning.command.schemas

format: setup ## Format the code
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

simulate: setup ## Run the simulation: make simulate SEEDS=10000
	$(RUN)python -m tests.simulation --seeds $(SEEDS)

simulate-mutants: setup ## Switch off one safeguard at a time; the simulation must notice each
	$(RUN)python -m tests.simulation --mutants --seeds $(SEEDS)

bench: bench-eligibility bench-delivery bench-extract bench-sources ## Run the benchmarks

bench-eligibility: setup ## Measure eligibility beside other engines: a table, and build/bench/eligibility.json
	PYTHONPATH=shared $(RUN)python -m tests.bench.eligibility

bench-delivery: setup ## Measure deliveries beside a bare client: a table, and build/bench/delivery.json
	PYTHONPATH=shared:. $(RUN)python -m tests.bench.delivery

ROWS ?= 1000000

bench-extract: setup ## Write extracts of a million rows: a table with the peak memory, and build/bench/extract.json (ROWS=, FORMAT="csv ldif")
	PYTHONPATH=shared $(RUN)python -m tests.bench.extract --rows $(ROWS) $(addprefix --format ,$(FORMAT))

bench-sources: setup ## Read a million unchanged rows of PostgreSQL, and take in 100,000 people: a table, and build/bench/sources.json
	PYTHONPATH=shared:. $(RUN)python -m tests.bench.sources --rows $(ROWS)

clean: ## Remove what was built and installed
	rm -rf .venv .tools build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
