# `make serve` and `make test` do everything on a fresh machine that has Python 3.11.
#
#   make serve CONFIG=config/serve.yaml ARGS="--port 9000"    any option of `voicegraph serve`
#   make test  ARGS="tests/assets -k resume"                  any option of pytest
#   make bench ARGS="..."                                     the benchmark's
#
# Packages come from whatever index uv is configured for (UV_DEFAULT_INDEX, uv.toml), weights from the Hugging Face hub
# or through npm and pip. PYTHON names another interpreter, VENV another folder for the environment.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python,$(shell command -v $(name) 2>/dev/null)))
CONFIG ?=
ARGS ?=

BIN := $(VENV)/bin
UV := $(BIN)/uv --quiet --no-progress
NEEDED_GB := 9
START_RAYS := tests/cli tests/cluster tests/e2e # one after the other, on a machine that has nothing else to do

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help environment serve test check bench fuzz lock clean

help:
	@sed -n '1,8s/^# \{0,1\}//p' Makefile
	@echo "targets: environment serve test check bench fuzz lock clean"

environment: $(VENV)/.serve

serve: $(VENV)/.serve
	@exec $(BIN)/voicegraph serve $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

test: $(VENV)/.dev
ifneq ($(strip $(ARGS)),)
	@exec $(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest --numprocesses 2 $(addprefix --ignore ,$(START_RAYS)); others=$$?; \
	  $(BIN)/python -m pytest $(START_RAYS) && exit $$others
endif

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	@exec $(BIN)/python -m bench.vs_kokoro $(ARGS)

# Against a server that runs.
fuzz: $(VENV)/.dev
	@exec $(BIN)/python -m bench.hostile $(ARGS)

# The locks name versions and hashes, never a host. dev holds everything: runtime, tools and the reference models.
COMPILE = $(UV) pip compile --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --python-platform linux
lock: $(VENV)/.uv
	$(COMPILE) --upgrade pyproject.toml --group dev --group reference -o requirements/dev.txt
	$(COMPILE) --upgrade pyproject.toml --constraint requirements/dev.txt -o requirements/runtime.txt
	echo uv | $(COMPILE) --upgrade - -o requirements/uv.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp is newer than what it was made from, so a second run does nothing.

FAILED = { echo "error: $(1)" >&2; exit 1; }
NO_PACKAGES = packages could not be installed, see above; without a network or with a mirror, point PIP_INDEX_URL and UV_DEFAULT_INDEX at a package index

$(VENV)/.uv: requirements/uv.txt
	@command -v "$(PYTHON)" >/dev/null || $(call FAILED,no Python found$(PYTHON:%= at %); install Python 3.11 or name one: make PYTHON=/path/to/python3.11)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || $(call FAILED,$(PYTHON) is not Python 3.11 but $$("$(PYTHON)" -V 2>&1); install Python 3.11 or name one: make PYTHON=/path/to/python3.11)
	@free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1000000) }'); test "$$free" -ge $(NEEDED_GB) \
	  || $(call FAILED,the disk of $(CURDIR) has $$free GB free and the environment with its weights needs $(NEEDED_GB); free some or use VENV=/folder/on/another/disk)
	@echo "environment in $(VENV)"
	@"$(PYTHON)" -m venv $(VENV) || $(call FAILED,$(PYTHON) cannot make an environment; on Debian and Ubuntu install python3.11-venv)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || $(call FAILED,$(NO_PACKAGES))
	@touch $@

$(VENV)/.serve: $(VENV)/.uv requirements/runtime.txt pyproject.toml
	@echo "installing $$(grep -c == requirements/runtime.txt) packages (about 5 GB)"
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements/runtime.txt || $(call FAILED,$(NO_PACKAGES))
	@$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable . || $(call FAILED,$(NO_PACKAGES))
	@touch $@

$(VENV)/.dev: $(VENV)/.serve requirements/dev.txt
	@echo "installing the development packages"
	@$(UV) pip install --python $(BIN)/python --require-hashes -r requirements/dev.txt || $(call FAILED,$(NO_PACKAGES))
	@touch $@
