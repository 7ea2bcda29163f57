# Two commands for everyone: `make demo` and `make test`. Each prepares the environment it needs.
SHELL := /bin/bash
PYTHON ?= python3
# Two test processes of one torch thread each: the largest comparison needs about 6 GiB a process.
WORKERS ?= 2
DEMO_OUT ?= demo_output

BIN := .venv/bin
INSTALLED := .venv/.installed
TOOLS := .venv/.tools
TYPECHECK := build/typecheck

.DEFAULT_GOAL := help
.PHONY: help demo test lint clean

help: ## show this list
	@echo "napari-sam2: make one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST))

demo: $(INSTALLED) ## follow objects through a small movie, offline, into demo_output/
	$(BIN)/napari-sam2 demo --out $(DEMO_OUT) --overwrite

test: $(INSTALLED) ## run the whole test suite
	PYTHON=$(PYTHON) scripts/system_packages.sh tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 10 $(ARGS)

# The folders of the repository become one package only when installed, so types are checked there.
lint: $(TOOLS) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --target $(TYPECHECK) .
	cd $(TYPECHECK) && ../../$(BIN)/mypy --config-file ../../pyproject.toml \
		-p napari_sam2.models -p napari_sam2.analysis

clean: ## remove the environment and everything that was made
	rm -rf .venv build dist *.egg-info demo_output .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	PYTHON=$(PYTHON) scripts/system_packages.sh
	$(PYTHON) -m venv .venv

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e '.[test]'
	touch $@

$(TOOLS): $(INSTALLED)
	$(BIN)/python -m pip install -c constraints.txt -e '.[test,dev]'
	touch $@
