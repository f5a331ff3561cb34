# The single door. Every target sets up what it needs, once; `make` lists them.

PYTHON   ?= python3
ARGS      = --i 4 --k 3
EXAMPLES  = 2000
SCOPE     = full
SEED      = 1

BIN       = .venv/bin
PINS     ?= constraints.txt
PACKAGE  := $(shell find convmatrix -type f -not -path '*/__pycache__/*') pyproject.toml
NOTEBOOKS = $(wildcard notebooks/*.ipynb)
SITE     := $(wildcard notebooks/site/*)
FIGURES  := $(shell find figures -mindepth 1 -name __pycache__ -prune -o -print 2>/dev/null)
TESTS    := $(shell find tests -name '*.py')
PORTABLE  = tests/core tests/layers tests/cli
ORACLES   = $(wildcard .venv-oracles/ready)
ORACLE_DATA = $(patsubst %,tests/oracles/data/%.json.gz,tensorflow theano mxnet)
PEERS     = $(wildcard .venv-peers/ready)

# Sets up the environment that a rule's target stands in, and installs its arguments there; PINS=- takes the newest.
install = PYTHON='$(PYTHON)' tools/environment.sh $(@D) $(PINS)
# Two processes on two cores; whoever has nothing left to do takes over half of what another has.
PYTEST = pytest -n logical --dist=worksteal

# The same bytes on every run: no times, no widget state, no version of Python, each stream in one piece.
EXECUTE = $(BIN)/jupyter-nbconvert --to notebook --execute --inplace --log-level=WARN \
	--ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False \
	--NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
	--ClearMetadataPreprocessor.enabled=True --ClearMetadataPreprocessor.clear_cell_metadata=False \
	--ClearMetadataPreprocessor.preserve_nb_metadata_mask='{"kernelspec", ("language_info", "name")}'

.DELETE_ON_ERROR:
.PHONY: help show test test-portable test-all test-rest test-random check lint format types house doctest pins-hold stale wheel lowest \
	newest notebooks html figures docs anew bench bench-quick lab fuzz oracles oracles-env peers-env browser-env pins clean
MAKEFLAGS += --no-builtin-rules --no-print-directory

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

show: .venv/package ## C, its transpose and the verdict; ARGS="--i 5 --k 3 --s 2" for another layer
	@$(BIN)/python -m convmatrix show $(ARGS)

test: .venv/test ## the tests of every part, a few examples of each drawn one; its last line says what it left out
	$(BIN)/$(PYTEST) --nbmake --ignore=tests/oracles

test-portable: .venv/test ## those of core, layers and command line, which any Python and any version has to pass
	$(BIN)/$(PYTEST) $(PORTABLE)

test-all: .venv/browser .venv-oracles/ready ## all tests with all examples: oracles, pages in a browser, LaTeX, notebooks
	$(BIN)/$(PYTEST) --$(SCOPE) --nbmake --ignore=tests/oracles
	.venv-oracles/bin/$(PYTEST) --full tests/oracles

test-rest: ## what `make test` leaves out of `make test-all`
	@$(MAKE) test-all SCOPE=rest

test-random: .venv/test ## the tests of `make test` in random order, on other examples; SEED=2 for others
	$(BIN)/$(PYTEST) --nbmake --ignore=tests/oracles --random-order-bucket=global --random-order-seed=$(SEED) \
		--hypothesis-profile=random --hypothesis-seed=$(SEED)

fuzz: export FUZZ_EXAMPLES = $(EXAMPLES)
fuzz: .venv/test $(ORACLES) ## the drawn tests on fresh draws, EXAMPLES=2000 for each
	$(BIN)/$(PYTEST) -m hypothesis --hypothesis-profile=fuzz --ignore=tests/oracles
	FUZZ_EXAMPLES=1000000 $(BIN)/$(PYTEST) --full tests/test_hostile.py
	$(if $(ORACLES),.venv-oracles/bin/$(PYTEST) -m hypothesis --hypothesis-profile=fuzz tests/oracles)

CHECKS    = lint types house doctest pins-hold stale wheel lowest newest

check: .venv/dev ## everything else that CI asks for: the nine below, two at a time
	$(MAKE) -j2 --output-sync=target $(CHECKS)

lint: .venv/dev ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/dev ## mypy, strict
	$(BIN)/mypy

house: .venv/dev ## which room may import which
	@$(BIN)/lint-imports --no-logo

doctest: .venv/dev ## the examples in docstrings, README and docs
	$(BIN)/pytest --doctest-modules --doctest-glob='*.md' convmatrix README.md docs

stale: build/stale.ok ## the committed figures and notebooks are what the code makes of them
wheel: build/wheel.ok ## the wheel, built and run in a clean environment
pins-hold: build/pins.ok ## every pin serves every Python that the package promises
lowest: build/lowest.ok ## core, layers and command line on the lowest versions allowed
newest: build/newest.ok ## the same on the newest versions that the installer finds, without pins

format: .venv/dev ## ruff, with its fixes applied
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: $(NOTEBOOKS:%.ipynb=build/%.done) ## execute the notebooks in place, those that need it
html: build/site.done ## publish them as pages that need no server: build/site/index.html
figures: build/figures.done ## draw the figures
docs: build/docs.done ## write docs/frameworks.md and docs/migration.md anew, from the code

# One thread, as the tables say; with the peers that are packages after `make peers-env`.
bench bench-quick: export OPENBLAS_NUM_THREADS = 1
bench bench-quick: export OMP_NUM_THREADS = 1
bench: .venv/dev $(PEERS) ## all benchmarks, into docs/performance.md; with torch and other packages after `make peers-env`
	$(if $(PEERS),.venv-peers/bin,$(BIN))/python -m benchmarks --write docs/performance.md

bench-quick: .venv/dev $(PEERS) ## the smaller benchmarks, in under two minutes; nothing is written
	$(if $(PEERS),.venv-peers/bin,$(BIN))/python -m benchmarks --quick

lab: .venv/lab ## JupyterLab on the walkthroughs, from the first one
	$(BIN)/jupyter-lab notebooks/00_start_here.ipynb

browser-env: .venv/browser ## playwright and JupyterLab, with which the tests open pages in an installed chromium
oracles-env: .venv-oracles/ready ## torch, jax, flax, keras, onnx and others, which the tests compare with (over a gigabyte)
oracles: $(ORACLE_DATA) ## record anew what tensorflow, aesara and mxnet compute, each in an environment of its own
peers-env: .venv-peers/ready ## torch, einconv, sparse_convolution, ptwt, pylops, dask, with which benchmarks compare (as large)

clean: ## back to a bare checkout
	rm -rf .venv .venv-* build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Environments. .venv has a stamp for each stage, so that `make show` waits for the package alone.

.venv/package: pyproject.toml constraints.txt
	@echo "Setting up .venv: the package" >&2
	@$(install) -e .
	@touch $@

.venv/test: .venv/package
	@echo "Setting up .venv: tests" >&2
	@$(install) --group test
	@touch $@

.venv/dev: .venv/test
	@echo "Setting up .venv: checks" >&2
	@$(install) --group dev
	@touch $@

.venv/lab: .venv/package
	@echo "Setting up .venv: JupyterLab" >&2
	@$(install) -e '.[notebook]'
	@touch $@

.venv/browser: .venv/test
	@echo "Setting up .venv: playwright and JupyterLab" >&2
	@$(install) -e '.[notebook]' --group browser
	@touch $@

# With pip, and torch before all else: so nothing that needs torch can bring another build of it.
.venv-oracles/ready .venv-peers/ready: .venv-%/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv-$*: torch and other packages to compare with" >&2
	@PYTHON='$(PYTHON)' tools/environment.sh --pip $(@D) constraints.txt $$(grep '^torch==' constraints.txt)
	@PYTHON='$(PYTHON)' tools/environment.sh --pip $(@D) constraints.txt -e . --group unit --group $*
	@touch $@

# Both ends of the open ranges: the lowest versions that they allow, and the newest that the installer finds.
.venv-lowest/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv-lowest: the lowest versions allowed" >&2
	@mkdir -p build && grep -vE '^(numpy|scipy|matplotlib|pyparsing)==' constraints.txt > build/constraints-lowest.txt
	@PYTHON='$(PYTHON)' tools/environment.sh $(@D) build/constraints-lowest.txt -e . --group lowest
	@touch $@

.venv-newest/ready: pyproject.toml
	@echo "Setting up .venv-newest: the newest versions" >&2
	@PYTHON='$(PYTHON)' tools/environment.sh $(@D) - -e . --group unit
	@touch $@

# Frameworks that do not install beside the others, for the script that records what they compute: exact versions, so
# that the same bytes come out.
.venv-record-tensorflow/ready: RECORDED = tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
.venv-record-theano/ready: RECORDED = aesara==2.9.4 numpy==1.26.4 scipy==1.12.0
.venv-record-mxnet/ready: RECORDED = mxnet==1.9.1 numpy==1.23.5
.venv-record-%/ready:
	@echo "Setting up .venv-record-$*: $(RECORDED)" >&2
	@PYTHON='$(PYTHON)' tools/environment.sh --pip $(@D) - $(RECORDED)
	@touch $@

tests/oracles/data/%.json.gz: tests/oracles/record_%.py .venv-record-%/ready anew
	AESARA_FLAGS=cxx= MXNET_STORAGE_FALLBACK_LOG_VERBOSE=0 TF_CPP_MIN_LOG_LEVEL=2 .venv-record-$*/bin/python $<

anew: # done whenever it is asked for

pins: ## resolve constraints.txt anew
	rm -rf .venv-pins && $(PYTHON) -m venv .venv-pins
	.venv-pins/bin/python -m pip install -q --upgrade pip
	.venv-pins/bin/pip install -q $$(grep -o 'torch==[0-9.]*' pyproject.toml)
	.venv-pins/bin/pip install -q -e '.[notebook,scale]' hatchling editables \
		--group dev --group browser --group oracles --group peers --group pins
	.venv-pins/bin/pip freeze --all --exclude-editable | sed 's/+.*//' | tr 'A-Z_' 'a-z-' | LC_ALL=C sort > .venv-pins/pins
	grep '^#' constraints.txt | cat - .venv-pins/pins > .venv-pins/new && mv .venv-pins/new constraints.txt
	rm -rf .venv-pins
	$(MAKE) pins-hold

# Work that is done once for given inputs.

build/notebooks/%.done: notebooks/%.ipynb $(PACKAGE) .venv/dev
	$(EXECUTE) $<
	@mkdir -p $(@D) && touch $@

build/site.done: $(NOTEBOOKS) $(SITE) .venv/dev
	@rm -rf build/site
	$(BIN)/python notebooks/site/build.py build/site
	@touch $@

build/figures.done: $(filter %.py,$(FIGURES)) $(PACKAGE) .venv/dev
	$(BIN)/python figures/build.py
	@mkdir -p $(@D) && touch $@

build/docs.done: docs/build.py docs/renamed.json $(PACKAGE) .venv/dev
	$(BIN)/python docs/build.py
	@mkdir -p $(@D) && touch $@

# All of it is made anew in a copy, which then has to equal the original, file by file.
build/stale.ok: $(FIGURES) $(NOTEBOOKS) $(PACKAGE) docs/build.py docs/renamed.json docs/frameworks.md docs/migration.md .venv/dev
	@rm -rf build/stale && mkdir -p build/stale/docs
	$(BIN)/python docs/build.py build/stale/docs
	diff -q docs/frameworks.md build/stale/docs/frameworks.md
	diff -q docs/migration.md build/stale/docs/migration.md
	$(if $(FIGURES),cp -r figures build/stale && find build/stale/figures -name '*.svg' -delete)
	$(if $(FIGURES),$(BIN)/python build/stale/figures/build.py committed)
	$(if $(FIGURES),diff -rq -x __pycache__ figures build/stale/figures)
	$(if $(NOTEBOOKS),cp -r notebooks build/stale)
	$(if $(NOTEBOOKS),$(EXECUTE) $(NOTEBOOKS:%=build/stale/%))
	$(if $(NOTEBOOKS),diff -r -x .ipynb_checkpoints notebooks build/stale/notebooks)
	@touch $@

build/wheel.ok: $(PACKAGE) constraints.txt README.md LICENSE .venv/dev
	@rm -rf build/dist .venv-wheel
	PIP_CONSTRAINT=constraints.txt $(BIN)/pyproject-build --outdir build/dist
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install -qq -c constraints.txt build/dist/*.whl
	cd .venv-wheel && bin/python -I -m convmatrix show --i 4 --k 3 && bin/convmatrix --version
	cd .venv-wheel && test -f lib/python*/site-packages/convmatrix/py.typed
	@touch $@

build/lowest.ok build/newest.ok: build/%.ok: $(PACKAGE) $(TESTS) .venv-%/ready
	.venv-$*/bin/pytest $(PORTABLE)
	@mkdir -p $(@D) && touch $@

build/pins.ok: constraints.txt pyproject.toml tools/check_pins.py .venv/dev
	$(BIN)/python tools/check_pins.py
	@mkdir -p $(@D) && touch $@
