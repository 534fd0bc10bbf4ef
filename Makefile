# One short command for each daily act. `make demo` and `make test` do all the set-up.
VENV   ?= .venv
EXTRAS ?= test
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test lint types check system format clean

demo: $(VENV)/.ready
	$(BIN)/monitor demo

test: $(VENV)/.ready-$(EXTRAS)
	scripts/system-packages
	$(BIN)/python -m pytest

lint: $(VENV)/.ready-$(EXTRAS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-$(EXTRAS)
	$(BIN)/mypy

check: lint types test

format: $(VENV)/.ready-$(EXTRAS)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

system:
	scripts/system-packages

$(VENV)/bin/python:
	scripts/make-venv $(VENV)

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.ready-$(EXTRAS): $(VENV)/.ready
	$(PIP) install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
