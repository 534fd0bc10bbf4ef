# One short command for each daily act. `make demo` and `make test` do all the set-up.
VENV   ?= .venv
EXTRAS ?= test
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# What a change needs first: no browsers, no training, no real engines, no virtual sound card.
QUICK_SKIPS := browser training models asr flow web/test_uplink.py audio/test_capture.py store/test_live.py

.PHONY: demo test quick lint types check system format clean

demo: $(VENV)/.ready
	$(BIN)/monitor demo --call natural-elder

test: $(VENV)/.ready-$(EXTRAS)
	scripts/system-packages
	$(BIN)/python -m pytest -n 2 --dist loadfile

quick: $(VENV)/.ready-$(EXTRAS)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(QUICK_SKIPS:%=--ignore=tests/%)

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
