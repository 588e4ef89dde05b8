# Guitu's house. `make` alone lists what there is. Needs only a system with python3; the rest it fetches itself.

VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv)
PIP    := $(if $(UV),uv pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)
JOBS   ?= 2

# A stamp is named after the lock it was made from, so an unchanged lock costs nothing and a changed one reinstalls.
hash   = $(shell cat requirements/$(1).txt pyproject.toml 2>/dev/null | sha256sum | cut -c1-16)
DEV    := $(VENV)/.dev-$(call hash,dev)
ASSETS := $(VENV)/.assets-$(shell cat api/assets/package.json api/assets/package-lock.json api/assets/docs.js api/assets/build.py 2>/dev/null | sha256sum | cut -c1-16)
BENCH  := $(VENV)/.bench-$(call hash,bench)

LOCKED := --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
          --no-emit-index-url --no-emit-find-links
LOCK   := uv pip compile pyproject.toml $(LOCKED) --extra build

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
DEMO_FOLDER ?= demo-world

.PHONY: help setup demo test check lint types definitions long bench lock clean

help: ## Lists these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-7s %s\n", $$1, $$2}'

setup: $(DEV) $(ASSETS) ## Makes .venv and the files of /docs from the locks (instant when nothing changed)

demo: $(DEV) $(ASSETS) ## Plays the stories in a fresh world, then serves it until Ctrl-C (SERVE=0: does not)
	@serve=; \
	if [ "$(SERVE)" = 1 ] || { [ -z "$(SERVE)" ] && [ -t 0 ] && [ -t 1 ]; }; then serve=--serve; fi; \
	set -x; $(BIN)/guitu demo --folder $(DEMO_FOLDER) $$serve

test: $(DEV) $(ASSETS) ## Runs the tests on both databases (two workers; JOBS=n for more)
	$(BIN)/python -m pytest -n $(JOBS)

check: lint types definitions ## Lint, format, types, floors, definitions (-j2: two at a time)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(DEV)
	$(BIN)/mypy

definitions: $(DEV)
	$(BIN)/guitu definitions check

long: $(DEV) ## Exhaustive sweeps, left out of `make test`
	$(BIN)/python -m pytest -n $(JOBS) -m long

bench: $(BENCH) ## Measures moves beside the raw limit and other engines, vault, ledger, access and the REST door beside bare loops
	$(BIN)/python -m pytest -q -m bench
	$(BIN)/guitu bench moves
	$(BIN)/guitu bench vault
	$(BIN)/guitu bench ledger
	$(BIN)/guitu bench access
	$(BIN)/guitu bench http

lock: ## Resolves requirements/*.txt anew (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv"; exit 1; }
	$(LOCK) --output-file requirements/run.txt
	$(LOCK) --extra test --constraint requirements/run.txt --output-file requirements/dev.txt
	$(LOCK) --extra test --extra bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	uv pip compile tests/http/client/requirements.in $(LOCKED) --output-file tests/http/client/requirements.txt

clean: ## Removes .venv and every cache
	rm -rf $(VENV) api/assets/built build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how a virtual environment is made ------------------------------------------------------------------------------

# The interpreter is asked for inside the recipe: on a bare machine the line before it may have just installed it.
$(VENV)/pyvenv.cfg:
	@python="$$(bash deploy/install-system.sh)" && \
	if [ -n "$(UV)" ]; then uv venv --quiet --allow-existing --python "$$python" $(VENV); \
	else "$$python" -m venv $(VENV); fi

# $(1): name of the lock. Hashes are required; the house itself is installed last, without looking anything up.
define install
	@rm -f $(VENV)/.$(1)-*
	$(PIP) --require-hashes -r requirements/$(1).txt
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@
endef

$(DEV): $(VENV)/pyvenv.cfg
	$(call install,dev)

# Fetched by the Node that comes with the locks; nothing of it is run.
$(ASSETS): $(DEV)
	@rm -f $(VENV)/.assets-*
	$(BIN)/python -m api.assets.build
	@touch $@

$(BENCH): $(DEV)
	$(call install,bench)
