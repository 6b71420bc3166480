# Everything here sets itself up: only Python 3.10 or newer and make are needed.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-slow lint types docs clean

demo: $(READY)  ## data, training, detection, evaluation and pictures, on a small generated task
	rm -rf build/demo
	$(BIN)/untrimmed demo --out build/demo

test: $(READY)  ## all tests but the slow ones
	$(BIN)/pytest

test-slow: $(READY)  ## the slow ones
	$(BIN)/pytest -m slow

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)  ## the site, in site/
	$(BIN)/zensical build --clean --strict

clean:
	rm -rf .venv build site

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "untrimmed needs Python 3.10 or newer; make PYTHON=python3.12 chooses another")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[h5,plots,dev,docs]'
	touch $@
