# senet-viz. `make` lists what there is. Without make: the README has the plain lines.
# Settings, as in `make run PYTHON=python3.12 PORT=9000`:
PYTHON ?= python3
PORT ?= 8501
REQUIREMENTS ?= requirements.txt
# One torch thread a forward: sessions share the cores, and forwards that fight for them are late.
THREADS ?= 1
# What the class is told to open, where this machine's own guess is wrong: make serve ADDRESS=teacher.local
ADDRESS ?=
# Where the networks are: make serve ENGINE=ray starts Ray here, ENGINE=ray://host:port asks one that runs elsewhere.
ENGINE ?=
# The lesson that `make present` shows; LESSON= shows the app without one.
LESSON ?= squeeze_excite_rescale
# Test processes side by side (0: in this one); what to test, as in TESTS="tests/test_edits.py -k swap"; pytest's options.
JOBS ?= 2
TESTS ?=
PYTEST_ARGS ?=
SCREENSHOTS ?= runs/screenshots

PY := .venv/bin/python
APP := .venv/.installed-$(REQUIREMENTS)
RAY := .venv/.installed-requirements-ray.txt
DEV := .venv/.installed-requirements-dev.txt
PIP := $(PY) -m pip install --disable-pip-version-check
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS)
# No question about an e-mail address on the very first start.
STREAMLIT := OMP_NUM_THREADS=$(THREADS) STREAMLIT_SERVER_SHOW_EMAIL_PROMPT=false $(PY) -m streamlit run app.py --server.port $(PORT)
OLD := "senet-viz needs Python 3.11 or newer, and this is %d.%d.%d. Name another: make run PYTHON=python3.12"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run present serve test test-all check lint format types bench screenshots train lock clean

help: ## List these targets
	@echo "make TARGET, and what it does:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

# --- the app ----------------------------------------------------------------------------------------------------------

run: $(APP) ## Open the app on http://localhost:8501, for this machine alone
	@$(STREAMLIT) --server.address localhost

present: $(APP) ## A lesson for a projector: large letters, Space goes on, N opens your notes
	@$(PY) tools/present.py $(PORT) $(LESSON) &
	@$(STREAMLIT) --server.address localhost --server.headless true

serve: $(APP) $(if $(filter ray,$(ENGINE)),$(RAY)) ## For a classroom: everyone on this network may open it; prints how to join, and the teacher's own link
	@OMP_NUM_THREADS=$(THREADS) STREAMLIT_SERVER_SHOW_EMAIL_PROMPT=false $(PY) -m tools.serve $(PORT) "$(ADDRESS)" $(ENGINE)

# --- the tests --------------------------------------------------------------------------------------------------------

test: $(DEV) ## Run what a change is most likely to break, in minutes; nothing in it reaches beyond this machine
	@$(PYTEST) -m "not slow" $(PYTEST_ARGS) $(TESTS)

test-all: $(DEV) ## Run every test: full products, every giant network, fuzzing, training, installing
	@$(PYTEST) $(PYTEST_ARGS) $(TESTS)

check: lint types test-all ## All that a change must pass: lint, format, types, every test

lint: $(DEV) ## Look for mistakes, and for what `make format` would change
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(DEV) ## Put every file into the one format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: $(DEV) ## Check the types
	@$(PY) -m mypy

# --- now and then -----------------------------------------------------------------------------------------------------

bench: $(DEV) ## Measure the speed of it all on this machine, and print the tables
	@for file in benchmarks/[a-z]*.py; do \
	name=$$(basename $$file .py); test $$name = common && continue; \
	echo "== $$name"; OMP_NUM_THREADS=1 $(PY) -m benchmarks.$$name || test $$? = 2 || exit 1; done

screenshots: $(DEV) ## Picture every page into runs/screenshots, and the README's picture (needs Chromium)
	@OMP_NUM_THREADS=1 $(PY) tools/screenshots.py $(SCREENSHOTS) --readme

train: $(APP) ## Train the four small networks, each with its film: make train DATA=folder-of-train-and-val
	@test -n "$(DATA)" || { echo "make train DATA=FOLDER, where FOLDER holds train/<class>/* and val/<class>/*"; exit 2; }
	$(PY) -m senet_viz train --data "$(DATA)" --all --out assets/weights --device auto --resume

lock: ## Write requirements.lock from a fresh environment that holds requirements.txt alone
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(PYTHON) -m venv "$$dir" \
	&& "$$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt \
	&& { sed -n '1,/^$$/p' requirements.lock; "$$dir/bin/python" -m pip freeze --exclude-editable \
	| sed -E '/^(cuda|nvidia|triton)/d; / @ /d; s/\+[^ ]*$$//'; } > "$$dir/lock" && cp "$$dir/lock" requirements.lock

clean: ## Remove caches and runs/; `rm -r .venv` removes the environment
	@rm -rf .mypy_cache .pytest_cache .ruff_cache build dist ./*.egg-info runs/screenshots
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# --- the environment: made once, and again when a requirements file changes -------------------------------------------

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and $(OLD) % v[:3])'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Debian and Ubuntu keep venv apart: apt install python3-venv"; exit 1; }

$(APP): $(REQUIREMENTS) | $(PY)
	@echo "Installing $(REQUIREMENTS) into .venv: once, some minutes."
	@$(PIP) -r $(REQUIREMENTS)
	@touch $@

$(RAY): requirements-ray.txt | $(PY)
	@echo "Installing requirements-ray.txt into .venv: once, a minute."
	@$(PIP) -r requirements-ray.txt
	@touch $@

$(DEV): requirements-dev.txt requirements.txt requirements-ray.txt | $(PY)
	@echo "Installing requirements-dev.txt into .venv: once, some minutes."
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/.installed-requirements.txt $(RAY)
