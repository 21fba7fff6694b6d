# `make demo` runs a whole campaign on this machine, `make test` the tests. Both need Python >= 3.11 and nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
SLOW    = physics or faults or cluster or slow
SITES   = $(patsubst site_configs/%.yaml,%,$(wildcard site_configs/*.yaml))
PYTEST  = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --durations=10
# Two lanes, as small machines have two cores; tests/lanes.py says what has to stay in one of them.
LANES   = -n 2
# Tests of the kinds $(1); those of the benchmarks, which measure time, have the machine for themselves at the end.
TESTS   = status=0; \
          $(PYTEST) $(LANES) -m '$(1)' --ignore=tests/benchmarks tests || status=1; \
          $(PYTEST) -m '$(1)' tests/benchmarks || status=1; \
          exit $$status

.PHONY: help install horovod demo test test-slow faults check format schema clean

help:
	@echo "make demo       install into $(VENV), then run examples/quickstart.yaml (labels, network, kMC, figures)"
	@echo "make test       the tests, in two lanes (under 15 minutes)"
	@echo "make test-slow  physics, fault, cluster and browser tests, in two lanes"
	@echo "make faults     200 faults on small campaigns, and ten kills of a larger one (NNK_FAULT_SEED chooses them)"
	@echo "make check      lint, types, import rules, spelling"
	@echo "make install    $(VENV) alone"
	@echo "make horovod    build Horovod for train.backend: horovod (needs a C++ compiler, takes minutes)"

$(STAMP): setup.cfg constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[local,test]' --constraint constraints.txt
	@touch $@

install: $(STAMP)

$(VENV)/.horovod: .ci/build-horovod constraints.txt | $(STAMP)
	.ci/build-horovod $(BIN)/python
	@touch $@

horovod: $(VENV)/.horovod

demo: install
	$(BIN)/launch examples/quickstart.yaml

test: install
	$(call TESTS,not ($(SLOW)))

test-slow: install
	$(call TESTS,$(SLOW))

faults: install
	NNK_FAULTS=$${NNK_FAULTS:-200} NNK_FAULT_KILLS=10 $(PYTEST) $(LANES) -m faults tests

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/codespell

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: install
	$(BIN)/launch schema > launch/campaign.schema.json
	$(BIN)/launch schema --markdown > docs/campaign.md
	$(BIN)/launch sites --markdown > docs/sites.md
	for name in $(SITES); do $(BIN)/launch sites show site_configs/$$name.yaml --markdown > docs/sites/$$name.md || exit; done

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
