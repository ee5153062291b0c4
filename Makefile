# proofstream: `make help` lists what there is. Needs make and Python 3.10 to 3.13; everything else is installed by it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEELS := .parts/sample-wheels
PINNED := requirements.lock tools/build-requirements.txt
# Old versions of pip hand the first on to the environment in which a package is built, new ones only the second.
PIP_INSTALL := PIP_USE_PEP517=1 PIP_CONSTRAINT='$(PINNED)' PIP_BUILD_CONSTRAINT=tools/build-requirements.txt \
  $(BIN)/python -m pip install --quiet --progress-bar off

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.core tools $(if $(PHOTOS),,demo/.photos-made) ## run the job on sample photos, or on your own: make demo PHOTOS=~/Pictures
	@tools/demo.sh $(if $(PHOTOS),'$(PHOTOS)')

.PHONY: test
test: $(VENV)/.dev tools sample-wheels lint types ## lint, types and all tests; tests of parts that are not here say so and are skipped
	$(BIN)/python -m pytest

.PHONY: lint
lint: $(VENV)/.dev ## ruff: rules and format
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev ## mypy
	$(BIN)/mypy

.PHONY: venv
venv: $(VENV)/.dev ## the virtual environment in .venv with everything for development

.PHONY: tools
tools: ## ExifTool and FFmpeg, through the system's package manager
	@tools/install_tools.sh

.PHONY: prism
prism: ## Beam's runner Prism in .parts/prism, built with Go
	@tools/prism.sh .parts/prism

.PHONY: parts
parts: ## every real part that the tests use and that pip does not bring: Prism, emulators
	@tools/parts.sh .parts

.PHONY: clean
clean: ## remove what make has made, the demo's output too
	rm -rf $(VENV) .parts demo build proofstream.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@tools/make_venv.sh $(PYTHON) $(VENV)

$(VENV)/.core: setup.py pyproject.toml $(PINNED) | $(BIN)/python
	@echo 'installing the job into $(VENV)'
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/.dev: setup.py pyproject.toml $(PINNED) | $(BIN)/python
	@echo 'installing the job and everything for development into $(VENV)'
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.core

.PHONY: sample-wheels
sample-wheels: $(WHEELS)/.complete

$(WHEELS)/.complete: tools/demo-requirements.txt | $(BIN)/python
	@echo 'fetching two wheels with sample photographs (23 MB)'
	@rm -rf $(WHEELS) && mkdir -p $(WHEELS)
	@$(BIN)/python -m pip download --quiet --progress-bar off --no-deps --require-hashes --dest $(WHEELS) \
	  --implementation cp --python-version 3.12 --abi cp312 --platform manylinux_2_28_x86_64 -r tools/demo-requirements.txt
	@touch $@

demo/.photos-made: tools/make_photos.py $(WHEELS)/.complete | $(VENV)/.core tools
	@$(BIN)/python tools/make_photos.py $(WHEELS) demo/photos
	@touch $@
