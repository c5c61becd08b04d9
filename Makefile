# Two commands do everything: `make demo` and `make test`. The rest are their parts.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo test setup static unit bench soak lock clean

demo: setup
	$(BIN)/bus demo $(ARGS)

test: setup static
	$(BIN)/pytest $(ARGS)

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Gemeentebus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Cure: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

static: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: setup
	$(BIN)/pytest tests/unit tests/property $(ARGS)

bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

soak: setup
	$(BIN)/pytest -m soak --timeout 0 $(ARGS)

# Writes the lock anew: names, versions and hashes for every platform, no index addresses.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache
