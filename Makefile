# One-word verbs; each installs what it needs into .venv and the cache folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export IOC_BRIDGE_CACHE ?= $(CURDIR)/.cache

.PHONY: help demo test test-fast lint bench campaign docs dashboards manifests lock clean
.DEFAULT_GOAL := help

help: ## list the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ioc-bridge needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=<path of a newer one>") if sys.version_info < (3, 11) else None'
	@echo 'Setting up $(VENV) (about a minute the first time)'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.ready ## both vendors' sandbox tenants, an embedded Kafka and every service; KEEP=1 leaves it up
	@$(BIN)/python -m services.sandbox demo $(if $(KEEP),--keep)

test: $(VENV)/.ready ## all tests, shared out among processes; ARGS="-k name" runs some in one
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses 3 --dist loadfile --no-loadscope-reorder)

test-fast: $(VENV)/.ready ## unit and contract tests, without Kafka
	@$(BIN)/python -m pytest --quiet --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not kafka' tests/unit tests/contract tests/conformance $(ARGS)

lint: $(VENV)/.ready ## ruff, mypy --strict, import rules, manifests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --quiet tests/deploy tests/unit/test_import_rules.py

bench: $(VENV)/.ready ## figures beside what they are compared with; ONLY=<name> runs one
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

campaign: $(VENV)/.ready ## random input and faults for an hour, then compare the tenants; SECONDS=<n> SEED=<n>
	@$(BIN)/python -m tests.campaign $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

docs: $(VENV)/.ready ## what is made from code: JSON Schemas and reference pages
	@$(BIN)/python -m schemas.export
	@$(BIN)/python -m docs.tooling.reference
	@$(BIN)/python -m docs.tooling.console

dashboards: $(VENV)/.ready ## Grafana's dashboards from their code
	@$(BIN)/python -m deploy.grafana.build

manifests: $(VENV)/.ready ## what deploy/ makes from the code, and the overlays rendered (needs kustomize or kubectl)
	@$(BIN)/python -m deploy.generate

lock: ## pin requirements/*.in again, with hashes
	@$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	@for name in dev sandbox runtime image; do build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --native-tls --custom-compile-command 'make lock' $$([ $$name = dev ] || echo --constraint requirements/dev.txt) \
	  requirements/$$name.in --output-file requirements/$$name.txt || exit 1; done

clean: ## remove everything the other verbs made
	@rm -rf $(VENV) .cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
