# What a newcomer needs: Python 3.11+ and make. Everything else is installed into .venv.

PYTHON ?= python3
# Half of the time a test waits: for a controller, a probe, a process. Four workers keep two cores busy.
JOBS   ?= 4
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
NATIVE := $(shell find native -name '*.go' -o -name 'go.*' 2>/dev/null)

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help build demo test check bench clean

help: ## show these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

# The tools first: the progress of the native build is then ours to show.
$(VENV)/bin/python:
	@echo "==> creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lateen needs Python 3.11 or newer; set PYTHON=/path/to/it")'
	@$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml hatch_build.py | $(VENV)/bin/python
	@echo "==> installing Lateen and its development tools"
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@LATEEN_SKIP_NATIVE=1 $(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

native/bin/.built: $(NATIVE) hatch_build.py | $(STAMP)
	@$(BIN)/python hatch_build.py
	@touch $@

# Compiled here: where PYTHONDONTWRITEBYTECODE is set, as in images of Python, every start would do it.
build: $(STAMP) native/bin/.built ## set up .venv and build the native programs
	@$(BIN)/python -m compileall -q src

demo: build ## start Lateen, deliver the sample application, print its address
	@$(BIN)/lateen start
	@$(BIN)/lateen up -f examples/hello.yaml --wait
	@echo
	@$(BIN)/lateen status hello --endpoint
	@echo
	@echo "Try it:  .venv/bin/lateen status hello --tree"
	@echo "Remove:  .venv/bin/lateen delete hello"
	@echo "Stop:    .venv/bin/lateen stop"

# Each worker reads all tests, which are prepared once: where PYTHONDONTWRITEBYTECODE is set, as in
# images of Python, each of them would do it.
test: export PYTHONDONTWRITEBYTECODE =
test: build ## run the tests
	@echo "==> go vet, go test"
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 & \
		$(BIN)/python hatch_build.py check && wait
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

check: $(STAMP) ## lint, types, import contract
	@echo "==> ruff";        $(BIN)/ruff check .
	@echo "==> ruff format"; $(BIN)/ruff format --check .
	@echo "==> mypy";        $(BIN)/mypy
	@echo "==> contracts";   $(BIN)/lint-imports

bench: build ## measure rendering, a delivery of 200 applications, and 1,000 at rest
	@$(BIN)/python -m benchmarks.rendering
	@$(BIN)/python -m benchmarks.delivery
	@$(BIN)/python -m benchmarks.settling

clean: ## remove what was built and installed (never your data)
	rm -rf $(VENV) native/bin build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
