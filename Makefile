# Two commands do everything: `make serve` and `make test`. Both set up .venv on their own.
# The tests of pages run by themselves: a browser that shows 25 pictures a second needs the cores.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-dev
ARGS ?=

.PHONY: serve test lint setup audit clean

serve: $(VENV)/.installed
	@exec $(BIN)/avatar-server serve $(ARGS)

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --ignore-glob='*/test_page_*' $(ARGS)
	$(BIN)/python -m pytest tests/test_page_*.py $(ARGS)

setup: $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Known weaknesses of the pinned dependencies. Not part of `make test`: it asks pypi.org, and what it
# finds changes without a change here. Where pypi.org cannot be asked it says so and does not fail.
# A mirror without pages of versions will not do: pip-audit would skip every package and pass.
audit: $(STAMP)
	@if $(BIN)/python -c 'import httpx; httpx.get("https://pypi.org/pypi/pip/24.0/json").raise_for_status()' 2>/dev/null; then \
		set -e; $(PYTHON) -m venv $(VENV)/audit; \
		$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1; \
		$(VENV)/audit/bin/pip-audit --skip-editable --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	else echo "NOT AUDITED: pypi.org, which knows the weaknesses, does not answer here."; fi

# A stamp newer than pyproject.toml means that the pinned set is already installed.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP): $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV)
