# Run, test and check rctrack from a checkout. Needs GNU make, git and Python 3.11 or newer; all else goes into .venv.
# Another Python: make PYTHON=python3.13 run    Some tests only: make test PYTEST_ARGS="-k trace"

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
# Most tests wait for servers and for git, so there may be more of them than cores.
WORKERS ?= 4
IMAGE ?= rctrack
# Docker or podman do as well: make image IMAGE_BUILD="docker build"
IMAGE_BUILD ?= buildah bud --format docker

# The real servers that tests talk to. As root on Debian, `make test` installs those that are missing.
TEST_PACKAGES := public-inbox xapian-tools dovecot-imapd dovecot-lmtpd mhonarc cgit gnupg openssh-client git iproute2

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := $(shell find rctrack -name "*.py")

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help run demo test lint golden reference accuracy history bench fuzz packages image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.compiled ## the daemon, in the foreground; Ctrl-C ends it
	@exec $(BIN)/rctrack run

demo: $(VENV)/.compiled ## September 2011 as rctrack would have seen it: kernel.org down, 3.1-rc6 stuck in the mail
	@$(BIN)/rctrack replay linux --recording linux-3.1 --subjects

test: packages $(VENV)/.dev ## every test
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

lint: $(VENV)/.dev ## style, types and the floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

golden: $(VENV)/.dev ## keep every mail of the golden stories anew; look at `git diff` then
	@$(BIN)/python -m tests.tools.golden

reference: $(VENV)/.dev ## docs/reference.md anew, from the code
	@$(BIN)/python -m tests.tools.reference

accuracy: $(VENV)/.dev ## how well mail is recognised, releases are foreseen, and lateness is told (on ../shared)
	@$(BIN)/python -m tests.studies.accuracy
	@$(BIN)/python -m tests.studies.alarms
	@$(BIN)/python -m tests.studies.backtest

history: $(VENV)/.dev ## config/history anew, from the tables in ../shared
	@$(BIN)/python -m tests.tools.compile_history

bench: $(VENV)/.dev ## how fast it is, against git itself
	@exec $(BIN)/python -m tests.studies.bench

fuzz: $(VENV)/.dev ## a minute of random input for all that reads what strangers wrote
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) install -q 'atheris>=3,<4' || true
	@exec $(BIN)/python -m tests.tools.fuzz

packages: ## the Debian packages of the tests, where we are root and some are missing
	@command -v apt-get >/dev/null || exit 0; \
	missing=; \
	for name in $(TEST_PACKAGES); do \
		dpkg-query -W -f '$${db:Status-Abbrev}' "$$name" 2>/dev/null | grep -q '^ii' || missing="$$missing $$name"; \
	done; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "Not root, so tests that need these Debian packages are left out:$$missing"; \
		exit 0; \
	fi; \
	apt-get update -q && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing

image: ## the container image
	$(IMAGE_BUILD) -t $(IMAGE) .

clean: ## away with everything that was made here
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find rctrack tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "rctrack needs Python 3.11 or newer. If you have one: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml
	@echo "Installing rctrack and what it needs into $(VENV)"
	@$(PIP) install -q -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml
	@echo "Installing rctrack, what it needs and its tests' tools into $(VENV)"
	@$(PIP) install -q -e '.[dev]'
	@touch $(VENV)/.installed $@

# With PYTHONDONTWRITEBYTECODE set, Python would compile everything again at each start.
$(VENV)/.compiled: $(VENV)/.installed $(SOURCES)
	@$(BIN)/python -m compileall -q $(VENV)/lib rctrack
	@touch $@
