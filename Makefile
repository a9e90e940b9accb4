# Every target makes what it needs: `make demo` and `make test` work on a fresh clone with Python 3.11 or newer.
# Two environments in one folder: what runs the system, and on top of it what tests it.

.DEFAULT_GOAL := help
.PHONY: help demo test test-sqlite test-postgresql test-commands lint tidy format docs golden sim kills bench programs clean

# The first Python that is new enough; `make PYTHON=/path/to/python3.12 test` chooses another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
# In the order of the folders: sorted by the count of tests, the longest file (one test) would begin last, alone.
# Three at once: on two cores a third of their time is waiting, for a process that starts and a time-out that passes.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder
# What commands say and how they end is slow to try, and lies above the database.
COMMANDS := tests/gallery $(addprefix tests/acceptance/test_,command_line.py log_json.py operator.py \
	provider_command.py shared_work.py stopping.py)
SEED ?= 1

help:  ## list the targets
	@grep -E '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## (.*)/make \1\t\2/' | expand -t 24

.venv/made:
	@if [ -z "$(PYTHON)" ]; then \
		echo "no Python 3.11 or newer was found; do: install one, or make PYTHON=/path/to/python3 ..." >&2; exit 3; fi
	@$(PYTHON) -m venv .venv || { \
		echo "the environment could not be made; do (Debian): apt-get install python3-venv" >&2; exit 3; }
	@touch $@

.venv/runs: .venv/made setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/tests: .venv/runs
	$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@

programs: .venv/tests  ## install the programs that tests talk to (Debian, as root), or say which are missing
	$(BIN)/python -m tests.programs

demo: .venv/runs  ## the whole system on this machine: files go in by SFTP, answers and an invoice come out
	$(BIN)/cominflow demo

test: programs test-sqlite test-postgresql  ## all tests, then flows and all that is stored once more on PostgreSQL

test-sqlite: .venv/tests
	$(PYTEST)

test-postgresql: .venv/tests
	COMINFLOW_TEST_DATABASE=postgresql $(PYTEST) -m database $(addprefix --ignore=,$(COMMANDS))

test-commands: .venv/tests  ## the tests of commands on PostgreSQL too; `make test` has them on SQLite
	COMINFLOW_TEST_DATABASE=postgresql $(PYTEST) -m database $(COMMANDS)

lint: .venv/tests  ## form, types, import contracts and house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_tidy.py --quiet

format: .venv/tests  ## put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/tests  ## rebuild the generated pages (the tests compare them)
	$(BIN)/python -m docs.build
	$(BIN)/python -m tracciati.declare.schema > layouts/schema.json

golden: .venv/tests  ## rewrite the golden files; read the difference before you commit it
	$(BIN)/python -m pytest tests -m golden --golden=write

sim: .venv/tests  ## kill the real flows between any two steps: make sim SEED=7
	$(BIN)/python -m tests.simulation --seed $(SEED)

kills: programs  ## kill the installed system 200 times at random under load, on both databases
	$(BIN)/python -m tests.simulation.under_load --seed $(SEED)
	$(BIN)/python -m tests.simulation.under_load --seed $(SEED) --postgresql

bench: .venv/tests  ## measure; results are kept with machine, date and commit
	$(BIN)/python -m bench

clean:  ## remove what can be made again (not the data in var/)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
