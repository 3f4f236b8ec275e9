# make run    sets up .venv and trains the three models on the Swiss roll
# make test   sets up .venv and runs the test suite
#
# Every path is relative and console scripts are called as modules, so that the checkout may lie in
# a folder with a space in its name. A stamp in .venv tells for each step that it is done.

PYTHON ?= python3

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
PIP_INSTALL := $(VENV_PYTHON) -m pip --disable-pip-version-check install --constraint constraints.txt
BUILD_EXTENSION := $(VENV_PYTHON) tools/build_extension.py

.PHONY: run test setup lint types format cluster sampling

run: setup
	$(VENV_PYTHON) examples/swiss_roll.py

test: setup
	$(VENV_PYTHON) -m pytest

setup: $(VENV)/.torch-cluster

lint: $(VENV)/.packages
	$(VENV_PYTHON) -m ruff check
	$(VENV_PYTHON) -m ruff format --check

types: $(VENV)/.packages
	$(VENV_PYTHON) -m mypy

format: $(VENV)/.packages
	$(VENV_PYTHON) -m ruff check --fix
	$(VENV_PYTHON) -m ruff format

# Tries again where the first build of torch-cluster failed.
cluster: $(VENV)/.packages
	$(BUILD_EXTENSION) torch-cluster
	@touch $(VENV)/.torch-cluster

# PyG's own compiled neighbor sampler, which some tests compare with.
sampling: $(VENV)/.packages
	$(BUILD_EXTENSION) torch-scatter
	$(BUILD_EXTENSION) torch-sparse

$(VENV)/.created:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo 'nrae_geometric needs Python 3.10 to 3.13: name one with make PYTHON=python3.12'; \
	    exit 1; }
	$(VENV_PYTHON) -m pip --version 2>/dev/null || "$(PYTHON)" -m venv $(VENV)
	@touch $@

# pip writes INSTALLER after a package's own files: without it an earlier installation was
# interrupted, and pip would take the package for complete.
$(VENV)/.packages: setup.py constraints.txt | $(VENV)/.created
	@for info in $(VENV)/lib/python*/site-packages/*.dist-info; do \
	    test -e "$$info/INSTALLER" || rm -rf "$$info"; done
	$(PIP_INSTALL) setuptools wheel ninja torch --editable '.[dev]'
	@touch $@

# Exit status 3 says that torch-cluster is not to be had here, and the library works without it.
$(VENV)/.torch-cluster: constraints.txt | $(VENV)/.packages
	@$(BUILD_EXTENSION) torch-cluster || test $$? -eq 3
	@touch $@
