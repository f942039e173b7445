# Everything a newcomer needs: `make demo`, `make test-fast`, `make test`, `make check`, `make bench`.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check format bench conformance soak fuzz extension docs wheel test-wheel bpy test-blender bench-blender clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIP ?= pull_up
OUT ?= out/demo
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

demo: $(VENV)/.installed ## Convert a bundled clip and say where its report is
	@$(BIN)/assistmimic demo $(CLIP) --out $(OUT)

test: $(VENV)/.installed-dev ## Run the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-fast: $(VENV)/.installed-dev ## Run the tests that take no more than a few seconds each
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow"

check: $(VENV)/.installed-dev ## Lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/.installed-dev ## Mend formatting and what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed ## Measure conversion over the bundled clips, as one JSON object
	$(BIN)/assistmimic bench convert --json

conformance: $(VENV)/.installed ## Put the physics engine through its conformance suite, at full length
	$(BIN)/python -m controller_server.physics.conformance --thorough
	$(BIN)/python -m controller_server.physics.conformance --thorough --hands full

extension: $(BIN)/python ## Build and validate the Blender extension's zips, for three platforms, and for Blender before 4.2.13
	$(BIN)/python tools/build_extension.py
	$(BIN)/python tools/build_extension.py --python 3.11

docs: $(VENV)/.installed-docs ## Build the documentation as a static site, with an API reference, into build/site
	$(BIN)/python tools/docs_site.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file build/docs/mkdocs.yml --site-dir ../site
	@echo "open build/site/index.html in a browser"

wheel: $(BIN)/python ## Build the wheel, with clips and policies, into dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

test-wheel: wheel ## Install it into an empty environment and do there what the README shows
	tests/wheel.sh "$$(ls -t dist/assistmimic-*.whl | head -1)" "$(CURDIR)/$(BIN)/python"

bpy: ## Environments with Blender as a module: .venv-bpy-4.2, -4.5, -5.0 (Python 3.11, 1 GB each)
	tests/blender/environments.sh

test-blender: $(BIN)/python bpy ## Test the built zip in each of them
	tests/blender/run.sh

bench-blender: $(BIN)/python bpy ## Measure the extension's own work in each of them
	$(BIN)/python tools/build_extension.py --platform linux-x64
	@for python in .venv-bpy-*/bin/python; do $$python tests/blender/bench.py | tail -1; done

soak: $(VENV)/.installed-dev ## Kill server and workers under load for 20 minutes (SECONDS=60 for less); nothing may be lost
	cd tests && ../$(BIN)/python -m service.soak --seconds $(or $(SECONDS),1200)

fuzz: $(VENV)/.installed-dev ## Read damaged files of every format (FILES=1000 of each; 20000 take hours)
	ASSISTMIMIC_FUZZ=$(or $(FILES),1000) $(BIN)/python -m pytest tests/clip/io/test_fuzz_readers.py -o timeout=0

clean: ## Remove what was built and written, the environment too
	rm -rf $(VENV) .venv-bpy-* out build dist *.egg-info

# Stamps: an environment is installed once, and again only when pyproject.toml changed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "make: needs Python 3.10 or newer as '$(PYTHON)'; say which with: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV); this happens once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV); this happens once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all,docs]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV); this happens once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/.installed $@
