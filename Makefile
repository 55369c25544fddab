# The checks, each callable alone. PYTHON is the interpreter of an environment with ".[train,synthesis,plot,test,dev]" installed;
# `make check` is the quick half, before a commit; .ci/run is everything, in fresh environments.
PYTHON ?= python3

.PHONY: check lint test fuzz docs wheel

check: lint test

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test:
	$(PYTHON) -m pytest -q

fuzz:  # about ten minutes: 200,000 files, boxes and answers of networks, damaged anew each time
	FUZZ_EXAMPLES=25000 $(PYTHON) -m pytest -q tests/fuzz --hypothesis-profile=fuzz --hypothesis-show-statistics

docs:
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

wheel:
	rm -rf dist
	$(PYTHON) -m build
	$(PYTHON) -m twine check --strict dist/*
