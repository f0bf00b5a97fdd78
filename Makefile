# `make demo` and `make test` do all the set-up themselves; `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
# The scripts' tools run on the node that is installed beside Python, whatever the machine has.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm

# Programs that tests start read what Python has compiled before, whatever the machine's own setting.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test test-fast test-scripts lint docs clean browser test-floors reliability fuzz kills soak audit image screenshots animation benchmark-scoring benchmark-interface benchmark-store
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# PyPI's torch for Linux brings 5 GB for NVIDIA GPUs. `make demo CPU=1` takes the build without these. Where pip finds
# only one of the two there, they do not fit and no page opens; then both come from PyPI, with the package.
CPU_PAIR = $(BIN)/python -m pip install --quiet torch torchvision --index-url https://download.pytorch.org/whl/cpu \
  && $(BIN)/python -c 'import torch, torchvision as v; exit(("+cpu" in torch.__version__) != ("+cpu" in v.__version__))' \
  || { echo "The build of PyTorch for CPUs is not to be had here; PyPI's is taken, which is larger."; \
       $(BIN)/python -m pip uninstall --quiet --yes torch torchvision; }
CPU_TORCH = $(if $(CPU),$(CPU_PAIR))

$(STAMP)-package: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(CPU_TORCH)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(STAMP)-test: $(STAMP)-package
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

$(STAMP)-lint: $(STAMP)-package
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	touch $@

node_modules/.package-lock.json: package-lock.json $(STAMP)-lint
	$(NPM) ci
	touch $@

install: $(STAMP)-package  ## make .venv with the package in it

browser: $(STAMP)-test
	$(BIN)/python tests/browser/install_chromium.py

demo: install  ## open the dashboard on a simulated survey (no network needed)
	$(BIN)/anomalymatch demo

test-scripts: $(STAMP)-test  ## test the pure parts of the dashboard's scripts, in seconds and without a browser
	$(NPM) test

test: test-scripts $(STAMP)-test browser  ## run all the tests, the ones in a real browser among them
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# No browser, no kernel, no training; of the two left out one runs networks of full size, one damages files for long.
FAST := $(addprefix tests/unit/,labels pixels pool rank sky tables test_config.py test_files.py)

test-fast: $(STAMP)-test  ## run what needs no browser, kernel or training: files, pixels, labels, orders
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(FAST) \
	  --ignore tests/unit/rank/test_orientation.py --ignore tests/unit/pool/test_fuzzed_files.py

# An environment of its own with the lowest versions. Every step leaves a mark, so that what was interrupted goes on there:
# torch and what it brings are gigabytes, and tests that passed are run again only where a file of ours has changed.
FLOORS := .venv-floors
WORKERS ?= 2
FLOORS_PYTHON := $(FLOORS)/bin/python
OURS := $(shell git ls-files anomalymatch_ui tests 2>/dev/null)
UV := $(FLOORS)/bin/uv pip
FLOORS_TESTS := $(addprefix $(FLOORS)/.passed-,files networks session widgets)

test-floors: $(FLOORS_TESTS)  ## run the quick tests on the lowest versions that pyproject.toml allows

$(FLOORS)/floors.txt: pyproject.toml
	test -x $(FLOORS_PYTHON) || $(PYTHON) -m venv $(FLOORS)
	$(FLOORS_PYTHON) -m pip install --quiet uv
	$(UV) compile --quiet --python $(FLOORS_PYTHON) --resolution lowest-direct --extra test pyproject.toml --output-file $@

$(FLOORS)/.torch: $(FLOORS)/floors.txt
	$(UV) install --quiet --python $(FLOORS_PYTHON) --constraint $< torch torchvision
	touch $@

$(FLOORS)/.packages: $(FLOORS)/.torch
	$(UV) install --quiet --python $(FLOORS_PYTHON) --requirement $(FLOORS)/floors.txt
	$(UV) install --quiet --python $(FLOORS_PYTHON) --no-deps --editable .
	touch $@

# Every package that is depended on is used by these; they need no browser.
$(FLOORS)/.passed-files: TESTS := $(FAST)
$(FLOORS)/.passed-networks: TESTS := $(addprefix tests/unit/,demo learn score stream)
$(FLOORS)/.passed-session: TESTS := tests/session/test_session.py tests/session/test_finding.py
$(FLOORS)/.passed-widgets: TESTS := tests/app/test_gallery.py tests/app/test_gallery_messages.py tests/app/test_panel.py

$(FLOORS_TESTS): $(FLOORS)/.packages $(OURS)
	$(FLOORS_PYTHON) -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)
	touch $@

reliability: $(STAMP)-test  ## the long tests that nothing is lost (docs/reliability.md)
	$(BIN)/python -m pytest -m slow -s -rA tests/unit/labels/test_journal_damage.py tests/unit/labels/test_journal.py tests/session/test_damaged_files.py tests/unit/pool/test_fuzzed_files.py

image: $(STAMP)-test  ## build the image for JupyterHub and Datalabs, where Docker runs
	$(BIN)/python -m pytest -m slow -rA tests/unit/test_docker.py

fuzz: $(STAMP)-test  ## 100,000 damaged files of all readers, each tried in a child with limits
	$(BIN)/python tests/fuzzing/run.py --cases 100000 --json fuzz.json

screenshots: $(STAMP)-test browser  ## take the pictures of docs/images anew
	RENEW_SCREENSHOTS=1 $(BIN)/python -m pytest -k looks_as_its_picture tests/browser/test_screenshots.py

animation: $(STAMP)-test browser  ## make the README's animation anew from the served demo
	$(BIN)/python tests/browser/animation.py

docs: $(STAMP)-lint  ## build the documentation as a site, docs/_build/index.html; a broken link fails
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build

lint: $(STAMP)-lint node_modules/.package-lock.json docs  ## check style, types, the direction of imports and the documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive anomalymatch_ui
	$(NPM) run lint

audit: $(STAMP)-lint  ## known faults of the packages that are installed; asks PyPI, and fails where it does not answer
	$(BIN)/python tests/auditing.py

kills: $(STAMP)-test  ## kill processes in the middle of seven kinds of work, and look for what they had acknowledged
	$(BIN)/python benchmarks/kills.py --kills 300 --json kills.json

soak: $(STAMP)-test  ## work on one session in one kernel for 8 hours, and see that it takes no more at the end
	$(BIN)/python benchmarks/soak.py --minutes 480 --json soak.json

benchmark-scoring: install  ## images scored per second, beside the naive reference
	$(BIN)/python benchmarks/scoring.py

benchmark-store: install  ## pages, filters and single scores from a ranking of 10^7 rows
	$(BIN)/python benchmarks/store.py

benchmark-interface: $(STAMP)-test browser  ## keys, pages, labels, memory: all that the dashboard promises
	$(BIN)/python benchmarks/interface.py --json

clean:  ## remove what was built
	rm -rf $(VENV) $(FLOORS) node_modules build dist docs/_build .pytest_cache .mypy_cache .ruff_cache
