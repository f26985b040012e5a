PYTHON ?= python3
BIN := .venv/bin
# Each test process would otherwise compile every file anew where the environment says not to keep what was compiled.
export PYTHONDONTWRITEBYTECODE :=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.installed ## Serve demo data on http://127.0.0.1:8000
	@$(MAKE) --silent web-if-possible
	@$(BIN)/canopy serve --demo

test: .venv/.installed .state/system-packages web/dist/graphiql.html ## Run every test
	$(BIN)/pytest --numprocesses auto

deep: .venv/.installed .state/system-packages ## Run the slow tests: thousands of documents by both executors, real clients, fuzzing
	$(BIN)/pytest -m deep --numprocesses auto --dist worksteal

clients: .venv/.installed .state/system-packages ## Let real clients, compilers and the public audits at a live server
	$(BIN)/pytest -m deep --numprocesses auto tests/test_clients.py tests/test_compilers.py

timed: .venv/.installed .state/system-packages ## Measure what an ordinary client notices of the worst; on a machine at rest
	$(BIN)/pytest -m timed

fuzz: .venv/.installed .state/system-packages ## Ask 500 made-up documents of each operation, as every demo login; takes an hour
	CANOPY_FUZZ=500 $(BIN)/pytest -m deep --numprocesses auto tests/test_fuzz.py

coverage: .venv/.installed ## Demand that the tests of execution reach each branch of it
	@mkdir -p .state
	$(BIN)/coverage run -m pytest --quiet -k "not work_of_reading" tests/test_documents.py \
	  $(filter-out tests/test_execution_differential.py,$(wildcard tests/test_execution_*.py))
	$(BIN)/coverage report

audit: .venv/.installed ## Look for known holes in dependencies, and for secrets in what is committed
	$(BIN)/python .ci/audit $(ARGS)

check: test lint audit ## Everything that CI insists on

lint: .venv/.installed web/dist/graphiql.html ## Format, style, types, layers, the schema and its lint rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/canopy schema | diff schema/schema.graphql -
	cd web && npm run --silent lint

fix: .venv/.installed ## Format, and apply safe lint fixes
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

schema: .venv/.installed ## Rewrite schema/schema.graphql and the snapshots; read the diff
	$(BIN)/canopy schema > schema/schema.graphql
	$(BIN)/pytest --quiet tests/test_permissions.py tests/test_life.py --update

web: web/dist/graphiql.html ## Build GraphiQL

bench: .venv/.installed ## Canopy against the floors, briefly; ARGS="--accounts N --database-url ..." for a whole run
	$(BIN)/python -m bench $(or $(ARGS),--rounds 1 --seconds 0.2)

lock: ## Refresh .ci/constraints.txt from a clean environment
	rm -rf .state/lock && $(PYTHON) -m venv .state/lock
	.state/lock/bin/pip install --quiet --disable-pip-version-check '.[dev]'
	.state/lock/bin/pip freeze --exclude canopy-gateway > .ci/constraints.txt
	rm -rf .state/lock build

clean: ## Remove everything that was generated; var/ stays
	rm -rf .venv .state web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.installed: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Canopy needs Python 3.11 or newer: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@

.state/system-packages: .ci/system-packages
	.ci/system-packages
	@mkdir -p .state && touch $@

web/dist/graphiql.html: web/package-lock.json web/package.json web/vite.config.ts web/graphiql.html web/link.html web/forgotten.html web/returned.html $(shell find web/src -type f)
	cd web && npm ci --no-audit --no-fund --silent && npm run --silent build -- --logLevel warn
	@touch $@

web-if-possible:
	@if command -v npm >/dev/null; then $(MAKE) --silent web/dist/graphiql.html \
	  || echo "GraphiQL could not be built; GraphQL is served without it."; \
	else echo "npm is missing, so GraphiQL is not built: install Node.js 20.19 or newer. GraphQL is served without it."; fi

.PHONY: help run test deep clients timed fuzz coverage audit check lint fix schema web bench lock clean web-if-possible
