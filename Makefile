# Everything runs in .venv, which the first target that needs it creates from the pinned constraints.txt.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
PIP := PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip --quiet

.DEFAULT_GOAL := help
.PHONY: help play test check format bench results demo-model test-slow conformance clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

play: $(VENV)/base ## Set up and open the app (without a terminal: play the demo as plain text)
	@$(BIN)/ldp-tui

test: check ## Set up, then lint, types, layers and the whole default test suite
	@$(BIN)/pytest -n 2 --dist worksteal

check: $(VENV)/dev ## Formatting, lint, types and layers
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache --no-logo >/tmp/ldp-tui-layers.$$$$ || { cat /tmp/ldp-tui-layers.$$$$; rm -f /tmp/ldp-tui-layers.$$$$; exit 1; }; rm -f /tmp/ldp-tui-layers.$$$$

format: $(VENV)/dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

test-slow: $(VENV)/dev ## The long statistics, crash and scale tests
	@$(BIN)/pytest -m slow

bench: $(VENV)/bench ## Measure everything beside its peers; writes benchmarks/results/*.json
	@$(BIN)/python -m benchmarks

results: $(VENV)/dev ## gym-llm's experiments with intervals: writes docs/results.md (minutes)
	@$(BIN)/python -m benchmarks.gym_llm_results

conformance: $(BIN)/pip ## The published tests of aviary and LDP against this package; downloads them
	@$(BIN)/python -m tests.conformance

demo-model: $(VENV)/local ## Make the bundled language model again, from nothing, on the CPU (minutes)
	@$(BIN)/python -m ldp_tui.training.demo_model --out ldp_tui/models/tiny/weights

clean: ## Remove the virtual environments and caches
	rm -rf $(VENV) .venv-conformance .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with the venv module is needed; none was found."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(BIN)/pip pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (about a minute) ..."
	@$(PIP) install --editable .
	@touch $@

$(VENV)/dev: $(VENV)/base
	@$(PIP) install --editable '.[dev]'
	@touch $@

$(VENV)/local: $(VENV)/base
	@echo "Installing PyTorch and transformers into $(VENV) (about a gigabyte) ..."
	@$(PIP) install --editable '.[local]'
	@touch $@

$(VENV)/bench: $(VENV)/dev
	@$(PIP) install --editable '.[dev,bench]'
	@touch $@
