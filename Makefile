# The checks, each callable alone. PYTHON is the interpreter of an environment with ".[train,synthesis,plot,batch,ray,test,dev]" installed;
# `make check` is the quick half, before a commit; .ci/run is everything, in fresh environments.
PYTHON ?= python3

.PHONY: check lint test fuzz coverage mutants audit constraints sbom docs wheel

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

coverage:  # of the rooms that predict, by their own tests
	$(PYTHON) -m pytest -q tests --ignore tests/cli --ignore tests/evaluation --ignore tests/synthesis --ignore tests/training \
		--ignore-glob 'tests/test_doc*' --ignore tests/test_benchmarks.py --ignore tests/test_publishing.py --cov

mutants:  # a quarter of an hour: whether the tests of the numbers notice that a number was changed
	$(PYTHON) -m mutmut run --max-children 1 'headpose_sdk.rotation.*' 'headpose_sdk.preprocessing.*' \
		'headpose_sdk.detection.x_*' 'headpose_sdk.detection.*_look__*' 'headpose_sdk.detection.*_detection__*' >/dev/null
	$(PYTHON) -m mutmut results --all true | awk -F '[.:]' '/killed|survived/ { n[$$2]++; k[$$2] += /killed/ } \
		END { for (m in n) { print m ": " k[m] " of " n[m] " killed"; bad += k[m] < 0.85 * n[m] }; exit bad > 0 }'

audit:
	$(PYTHON) requirements/audit.py

constraints:  # what CI installs, and the page of licences
	$(PYTHON) requirements/renew.py

sbom:  # of what `pip install headpose-sdk` brings, in an environment of its own
	rm -rf build/sbom
	$(PYTHON) -m venv --without-pip build/sbom
	$(PYTHON) -m pip --python build/sbom/bin/python install --quiet --constraint requirements/constraints.txt .
	mkdir -p dist
	$(PYTHON) -m cyclonedx_py environment --pyproject pyproject.toml --mc-type library --output-reproducible \
		--output-file dist/sbom.cdx.json build/sbom/bin/python
	rm -rf build/sbom

docs:
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

wheel:
	rm -rf dist
	$(PYTHON) -m build
	$(PYTHON) -m twine check --strict dist/*
