# Two commands do everything: `make demo` and `make test`. The rest are their parts.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: demo test setup static unit compiled bench soak lock clean

demo: setup
	$(BIN)/bus demo $(ARGS)

# In two processes: most tests wait for something. A file's tests stay together, in the order of the
# tree: the short ones come last, so that both are busy until the end.
test: setup static
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

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

# What production runs: the hot paths compiled, as in the container image (decision 18).
compiled: setup
	$(BIN)/python deploy/compiling.py build/compiled
	ln -s ../../tests build/compiled/tests

bench: compiled
	cd build/compiled && PYTHONPATH=$$PWD ../../$(BIN)/python -m tests.bench $(ARGS)

soak: setup
	$(BIN)/pytest -m soak --timeout 0 $(ARGS)

# Writes the locks anew: names, versions and hashes for every platform, no index addresses. Those of
# the container image hold what it runs with and what its wheel is built with, at the same versions.
LOCK := $(BIN)/uv pip compile --universal --generate-hashes --quiet --no-header \
  --no-emit-index-url --no-emit-find-links
IMAGE_LOCK := $(LOCK) --no-annotate --constraint requirements.lock

lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --all-extras --upgrade pyproject.toml -o requirements.lock
	$(IMAGE_LOCK) pyproject.toml -o deploy/requirements.lock
	printf 'hatchling\nmypy\nsetuptools\n' | $(IMAGE_LOCK) - -o deploy/build.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache
