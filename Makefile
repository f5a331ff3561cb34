# What there is to do: `make` lists it. Each target sets up what it needs, once; whatever takes more lines is in tools/.
export PYTHON ?= python3
export PINS ?= constraints.txt
ARGS = --i 4 --k 3
EXAMPLES = 2000
SCOPE = full
SEED = 1
PACKAGE := pyproject.toml $(shell find convmatrix -type f -not -path '*/__pycache__/*')
NOTEBOOKS = $(wildcard notebooks/*.ipynb)
export PORTABLE = tests/core tests/layers tests/cli
# Two processes on two cores; whoever has nothing left to do takes over half of what another has.
PYTEST = pytest -n logical --dist=worksteal
SUITE = .venv/bin/$(PYTEST) --nbmake --ignore=tests/oracles
DONE = mkdir -p $(@D) && touch $@
MAKEFLAGS += --no-builtin-rules --no-print-directory
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list the targets; all take PYTHON=python3.13, and PINS=- for the newest versions in .venv
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
show: .venv/package ## C, its transpose and the verdict; ARGS="--i 5 --k 3 --s 2" for another layer
	@.venv/bin/python -m convmatrix show $(ARGS)
test: .venv/test ## the tests of every part, a few examples of each drawn one; its last line says what it left out
	$(SUITE)
test-portable: .venv/test ## those of core, layers and command line, which any Python and any version has to pass
	.venv/bin/$(PYTEST) $(PORTABLE)
test-all: .venv/browser .venv-oracles/ready ## all tests with all examples: oracles, pages in a browser, LaTeX, notebooks
	$(SUITE) --$(SCOPE)
	.venv-oracles/bin/$(PYTEST) --full tests/oracles
test-rest: ## what `make test` leaves out of `make test-all`
	@$(MAKE) test-all SCOPE=rest
test-random: .venv/test ## the tests of `make test` in random order, on other examples; SEED=2 for others
	$(SUITE) --random-order-bucket=global --random-order-seed=$(SEED) --hypothesis-profile=random --hypothesis-seed=$(SEED)
fuzz: .venv/test $(wildcard .venv-oracles/ready) ## the drawn tests on fresh draws, EXAMPLES=2000 for each
	tools/fuzz.sh $(EXAMPLES)

check: .venv/dev ## everything else that CI asks for: the nine below, two at a time
	$(MAKE) -j2 --output-sync=target newest lowest stale doctest types lint wheel house pins-hold
lint: .venv/dev ## ruff: rules and format; the words of identifiers, docstrings and comments
	.venv/bin/ruff check && .venv/bin/ruff format --check && .venv/bin/python tools/check_language.py
types: .venv/dev ## mypy, strict
	.venv/bin/mypy
house: .venv/dev ## the import contracts
	@.venv/bin/lint-imports --no-logo
doctest: .venv/dev ## the examples in docstrings, README and docs
	.venv/bin/pytest --doctest-modules --doctest-glob='*.md' convmatrix README.md docs
pins-hold: build/pins.ok ## every pin serves every Python that the package promises
stale: build/stale.ok ## the committed figures and notebooks are what the code makes of them
wheel: build/wheel.ok ## the wheel, built and run in a clean environment
lowest: build/lowest.ok ## core, layers and command line on the lowest versions allowed
newest: build/newest.ok ## the same on the newest versions that the installer finds, without pins
format: .venv/dev ## ruff, with its fixes applied
	.venv/bin/ruff check --fix && .venv/bin/ruff format
notebooks: $(NOTEBOOKS:%.ipynb=build/%.done) ## execute the notebooks in place, those that need it
html: build/site.done ## publish them as pages that need no server: build/site/index.html
figures: build/figures.done ## draw the figures: the SVGs that are committed
films: build/films.done ## draw the films of the guide's figures as well, and the figures as PDF and PNG
contact-sheet: .venv/dev ## every kind of picture in every theme and size, to be looked at: build/contact-sheet/
	.venv/bin/python tools/contact_sheet.py
docs: build/docs.done ## write docs/frameworks.md, docs/migration.md and docs/api.txt anew, from the code
bench: .venv/dev $(wildcard .venv-peers/ready) ## all benchmarks, into docs/performance.md; with torch and others after `make peers-env`
	tools/benchmark.sh --write docs/performance.md
bench-quick: .venv/dev $(wildcard .venv-peers/ready) ## the smaller benchmarks, in under two minutes; nothing is written
	tools/benchmark.sh --quick
lab: .venv/lab ## JupyterLab on the walkthroughs, from the first one
	.venv/bin/jupyter-lab notebooks/00_start_here.ipynb
oracles: $(patsubst %,tests/oracles/data/%.json.gz,tensorflow theano mxnet) ## record anew what tensorflow, aesara and mxnet compute
anew: ## nothing by itself: what has it as a prerequisite is made whenever it is asked for
oracles-env: .venv-oracles/ready ## torch, jax, flax, keras, onnx and others, which the tests compare with (over a gigabyte)
peers-env: .venv-peers/ready ## torch, einconv, sparse_convolution, ptwt, pylops, dask, with which benchmarks compare (as large)
browser-env: .venv/browser ## playwright and JupyterLab, with which the tests open pages in an installed chromium
pins: ## resolve constraints.txt anew
	tools/resolve_pins.sh
	@$(MAKE) pins-hold
clean: ## back to a bare checkout
	rm -rf .venv .venv-* build .hypothesis .*_cache && find . -name __pycache__ -prune -exec rm -rf {} +

# Environments that stay. .venv has a stamp for each stage, so that `make show` waits for the package alone.
.venv/test .venv/lab: .venv/package
.venv/dev .venv/browser: .venv/test
.venv/package .venv/test .venv/dev .venv/lab .venv/browser .venv-oracles/ready .venv-peers/ready .venv-lowest/ready: \
		pyproject.toml constraints.txt
	@tools/set_up.sh $@
tests/oracles/data/%.json.gz: tests/oracles/record_%.py anew
	tools/record_oracle.sh $*
build/notebooks/%.done: notebooks/%.ipynb $(PACKAGE) .venv/dev
	tools/execute_notebooks.sh $< && $(DONE)
build/site.done: $(NOTEBOOKS) $(wildcard notebooks/site/*) .venv/dev
	rm -rf build/site && .venv/bin/python notebooks/site/build.py build/site && $(DONE)
build/figures.done build/films.done: build/%.done: $(wildcard figures/*.py) $(PACKAGE) .venv/dev
	.venv/bin/python figures/build.py $* && $(DONE)
build/docs.done: docs/build.py docs/renamed.json $(PACKAGE) .venv/dev
	.venv/bin/python docs/build.py && $(DONE)
build/pins.ok: constraints.txt pyproject.toml tools/check_pins.py .venv/dev
	.venv/bin/python tools/check_pins.py && $(DONE)
build/stale.ok: $(NOTEBOOKS) $(wildcard docs/*.* figures/*.* figures/guide/*) .venv/dev
build/wheel.ok: README.md LICENSE .venv/dev
build/lowest.ok build/newest.ok: $(shell find tests -name '*.py')
build/lowest.ok: .venv-lowest/ready
build/stale.ok build/wheel.ok build/lowest.ok build/newest.ok: build/%.ok: tools/%.sh $(PACKAGE)
	tools/$*.sh && $(DONE)
