# make run     sets up .venv and trains the three models on the Swiss roll
# make test    sets up .venv and runs the test suite; make quick runs its fast part
# make docs    sets up .venv and builds the documentation site
#
# Every path is relative and console scripts are called as modules, so that the checkout may lie in
# a folder with a space in its name. A stamp in .venv tells for each step that it is done.

PYTHON ?= python3

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
PIP := -m pip --disable-pip-version-check
BUILD_EXTENSION := $(VENV_PYTHON) tools/build_extension.py
.DEFAULT_GOAL := run
OLDEST := .venv-oldest
# A process for each core; threads that spin while they wait would take the cores from each other.
PYTEST := -m pytest --numprocesses auto
test quick docs oldest fuzz: export OMP_WAIT_POLICY := PASSIVE
test quick docs oldest fuzz: export GOMP_SPINCOUNT := 0

.PHONY: run test quick docs links oldest fuzz soak setup lint types format cluster sampling

run: setup
	$(VENV_PYTHON) examples/swiss_roll.py

test: setup $(VENV)/.dev
	$(VENV_PYTHON) $(PYTEST)

quick: setup $(VENV)/.dev
	$(VENV_PYTHON) $(PYTEST) -m "not slow" --hypothesis-profile quick

# What the scripts of guides and gallery show is made anew where they have changed.
docs: setup $(VENV)/.docs
	$(VENV_PYTHON) -m sphinx -b html -d docs/_build/doctrees -W --keep-going -q docs docs/_build/html
	@echo 'The site is docs/_build/html/index.html'

# Asks every address that the site links to; needs a network.
links: setup $(VENV)/.docs
	$(VENV_PYTHON) -m sphinx -b linkcheck -d docs/_build/doctrees -q docs docs/_build/links

# Fifty times as many damaged files as in a test run.
fuzz: setup $(VENV)/.dev
	NRAE_FUZZ=10000 $(VENV_PYTHON) $(PYTEST) tests/faults -k "broken or damaged"

# Twenty minutes of fitting, using, searching and measuring; fails where memory grows.
soak: setup
	$(VENV_PYTHON) tools/soak.py --minutes 20

setup: $(VENV)/.cluster-on-gpu

lint: $(VENV)/.dev
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check
	$(VENV_PYTHON) -m codespell_lib
	$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command as lint; lint()'

types: $(VENV)/.dev
	$(VENV_PYTHON) -m mypy

format: $(VENV)/.dev
	$(VENV_PYTHON) -m ruff check --fix
	$(VENV_PYTHON) -m ruff format

# The optional search backend torch_cluster.
cluster: $(VENV)/.packages
	$(BUILD_EXTENSION) torch-cluster

# PyG's own compiled neighbor sampler, which some tests compare with.
sampling: $(VENV)/.packages
	$(BUILD_EXTENSION) torch-scatter
	$(BUILD_EXTENSION) torch-sparse

# The quick tests on the oldest versions that setup.py promises.
oldest: $(OLDEST)/.packages
	$(OLDEST)/bin/python $(PYTEST) -m "not slow" --hypothesis-profile quick

$(VENV)/.created:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { \
	    echo 'nrae_geometric needs Python 3.11 or newer: name one with make PYTHON=python3.12'; \
	    exit 1; }
	$(VENV_PYTHON) -m pip --version 2>/dev/null || "$(PYTHON)" -m venv $(VENV)
	@touch $@

# pip writes INSTALLER after a package's own files: without it an earlier installation was
# interrupted, and pip would take the package for complete.
$(VENV)/.packages: setup.py constraints.txt | $(VENV)/.created
	@for info in $(VENV)/lib/python*/site-packages/*.dist-info; do \
	    test -e "$$info/INSTALLER" || rm -rf "$$info"; done
	$(VENV_PYTHON) $(PIP) install --constraint constraints.txt torch --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.packages
	$(VENV_PYTHON) $(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.packages
	$(VENV_PYTHON) $(PIP) install --constraint constraints.txt --editable '.[docs]'
	@touch $@

# On a GPU torch_cluster is a backend of choice, so it is built where one can compile for it.
$(VENV)/.cluster-on-gpu: $(VENV)/.packages
	@$(BUILD_EXTENSION) torch-cluster --only-for-gpu || test $$? -eq 3
	@touch $@

$(OLDEST)/.packages: setup.py tools/oldest.txt
	"$(PYTHON)" -m venv $(OLDEST)
	$(OLDEST)/bin/python $(PIP) install --constraint tools/oldest.txt torch --editable '.[oldest]'
	@touch $@
