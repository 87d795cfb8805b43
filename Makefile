# Everything here works on a machine with Python >= 3.11, make and git: each target makes its own .venv first.
# PYTHON names the interpreter to make it with: `make test PYTHON=python3.12`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Two more than cores: up to four of them mostly wait for a real API server.
WORKERS ?= 4
# arguments of `make bench`, e.g. make bench BENCH="--only-server --crowd 500"
BENCH ?=
# pytest arguments of `make test`, e.g. make test TESTS="tests/unit -k plan"
TESTS ?= tests features

BOOTSTRAP := $(VENV)/.stamp-bootstrap
DEV := $(VENV)/.stamp-dev
# The demo needs less than the tests; a development environment serves it as well.
RUNTIME := $(if $(wildcard $(DEV)),$(DEV),$(VENV)/.stamp-sim)

export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV
# Where that is set, each of the hundred processes that the tests start compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## show this list
	@sed -nE 's/^([a-z.]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: $(RUNTIME) ## watch a remediation run in virtual time, then compare two policies
	@$(BIN)/wfexec sim demo

.PHONY: test
test: lint ## format, lint, types, layers, then every test on both back-ends
	@assets="$${KUBEBUILDER_ASSETS:-}"; \
	if [ -z "$$assets" ]; then \
	  if ! assets="$$($(BIN)/python tests/envtest/build.py | tee /dev/stderr | tail -n 1)"; then \
	    if [ -n "$${CI:-}" ]; then echo "make test: no API server, and CI must have one" >&2; exit 1; fi; \
	    echo "make test: no API server could be built; its tests will say so" >&2; assets=; \
	  fi; \
	fi; \
	if [ -n "$$assets" ]; then export KUBEBUILDER_ASSETS="$$assets"; fi; \
	$(BIN)/python tests/envtest/alertmanager.py || true; \
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(TESTS)

.PHONY: crash.sweep
crash.sweep: $(DEV) ## kill the controller at every write of every scenario (make test takes a share of the points)
	$(BIN)/python -m pytest -n $(WORKERS) --crash-points all tests/determinism/test_scenario_sweep.py

.PHONY: lint
lint: $(DEV) ## formatting, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: fmt
fmt: $(DEV) ## format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: crds
crds: $(DEV) ## write the CRDs anew from the types
	@$(BIN)/wfexec crds --out crds

.PHONY: docs
docs: $(DEV) ## write the generated pages anew, and the output of the README's sessions
	@$(BIN)/wfexec reference settings > docs/settings.md
	@$(BIN)/wfexec reference metrics > docs/metrics.md
	@$(BIN)/wfexec reference reasons > docs/reasons.md
	@$(BIN)/wfexec reference events > docs/events.md
	@$(BIN)/wfexec reference commands > docs/commands.md
	@$(BIN)/python -m tests.docs.sessions --write README.md

.PHONY: bench
bench: $(DEV) ## the table of figures, also in build/bench.json
	@$(BIN)/python -m tests.bench $(BENCH)

.PHONY: envtest
envtest: $(DEV) ## build kube-apiserver, etcd and kubectl; the last line is their folder; and an Alertmanager of Debian's
	@$(BIN)/python tests/envtest/alertmanager.py || true
	@$(BIN)/python tests/envtest/build.py

.PHONY: venv
venv: $(DEV) ## the development environment in .venv

# Resolved for every platform from Python 3.11 up; hashes, and no address to download from.
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --custom-compile-command "make lock" $(LOCK_FLAGS) pyproject.toml
.PHONY: lock
lock: $(BOOTSTRAP) ## resolve pyproject.toml into requirements/ (LOCK_FLAGS=--upgrade for newer versions)
	$(COMPILE) --extra sim --extra notebooks --group dev -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt --extra sim -o requirements/sim.txt
	$(COMPILE) -c requirements/dev.txt -o requirements/base.txt
	$(subst pyproject.toml,,$(COMPILE)) -c requirements/dev.txt --group bootstrap -o requirements/bootstrap.txt

.PHONY: clean
clean: ## remove the environment and everything generated
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BOOTSTRAP): requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wfexec needs Python 3.11 or newer: make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/.stamp-sim: requirements/sim.txt requirements/bootstrap.txt pyproject.toml $(BOOTSTRAP)
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements/sim.txt requirements/bootstrap.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml $(BOOTSTRAP)
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $@
