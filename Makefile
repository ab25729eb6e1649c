# Two commands do everything from a bare Python, 3.11 to 3.14: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types dashboard clean lock docs fuzz

demo: $(STAMP)
	$(BIN)/wa --home wa-demo demo $(DEMO_OPTIONS)

# A process per core, a file of tests at a time, in the order of tests/conftest.py;
# PYTEST_OPTIONS="-n 0 tests/consent" for one after another.
PYTEST_OPTIONS ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(STAMP) lint types
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

dashboard: $(STAMP)
	$(BIN)/wa --home wa-demo dashboard $(DASHBOARD_OPTIONS)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.11 to 3.14 is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q -j 0 $(VENV)/lib wa_analytics data_checks dashboard >/dev/null || true
	@touch $(STAMP)

# Every parser and endpoint under atheris, FUZZ_SECONDS each (about 35 of them).
FUZZ_SECONDS ?= 10
fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
		--only-binary :all: -r fuzz.lock 2>/dev/null || \
		{ echo "atheris has no wheel for $$($(BIN)/python --version) on this machine; CPython 3.11 to 3.14 on Linux x86_64 has."; exit 2; }
	$(BIN)/python tests/fuzz/run.py $(FUZZ_SECONDS)

# The catalogue and the README's lists, from the code.
docs: $(STAMP)
	$(BIN)/python -m data_checks.catalogue

# For maintainers: pin the newest allowed versions again. Needs `uv` on the path.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --upgrade --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) fuzz-findings wa-demo wa-home .pytest_cache .mypy_cache .ruff_cache .hypothesis
