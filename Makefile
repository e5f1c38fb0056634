# make upscale IMAGE=photo.jpg   enlarge a photo 4 times, beside the original
# make test                      lint, types, import order and tests
# Needs Python 3.11 or newer and make, nothing else; everything is installed into .venv.

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python py; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
endif
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
EXE := .exe
else
BIN := $(VENV)/bin
endif
ARGS ?=
export IMAGE
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help install dev upscale test lint check clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,3p' Makefile | sed 's/^# *//'

$(BIN)/python$(EXE):
	@test -n "$(PYTHON)" || { echo "srgan needs Python 3.11 or newer; install it, or say PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "setting up $(VENV) with $(PYTHON)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python$(EXE)
	@echo "installing srgan into $(VENV)" >&2
	@$(PIP) install -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python$(EXE)
	@echo "installing srgan and what its tests need into $(VENV)" >&2
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed  ## what a user needs

dev: $(VENV)/.dev  ## what a developer needs

upscale: $(VENV)/.installed  ## IMAGE=photo.jpg [ARGS='--scale 2']
	@test -n "$$IMAGE" || { echo "say which photo: make upscale IMAGE=path/to/photo.jpg" >&2; exit 2; }
	@$(BIN)/srgan upscale $(ARGS) -- "$$IMAGE"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 .  # Windows has another encoding
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 2 $(ARGS)

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
