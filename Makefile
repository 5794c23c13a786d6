# `make demo` and `make test` are all that a fresh machine needs; every target first makes sure of `setup`.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-complete

.PHONY: setup demo test conformance clients fuzz security bench bench-scale bench-workers bench-slow bench-start check format lock clean

# Does nothing when neither the lock nor the project's metadata changed.
setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml .ci/setup
	@.ci/setup $(VENV)
	@touch $@

# Stays up until Ctrl-C; `make demo ONCE=1` ends after the play.
demo: setup
	@$(BIN)/python -m mcp_gateway.dev demo $(if $(ONCE),--once)

# Options for pytest: make test ARGS="-k revoked -x"
test: setup
	@$(BIN)/pytest -n 2 --dist loadscope $(ARGS)

# The official suite against the protocol layer, with the suite's own fixture tools behind it.
conformance: setup
	@$(BIN)/python -m tests.conformance

# One client, with what it sent and was told: make clients ONLY=inspector VERBOSE=1
clients: setup
	@$(BIN)/python -m tests.clients $(if $(ONLY),--only "$(ONLY)") $(if $(VERBOSE),--verbose)

# The suite runs 3,000 bodies of this corpus. Another seed: make fuzz SEED=7
fuzz: setup
	@FUZZ_BODIES=10000 $(if $(SEED),FUZZ_SEED=$(SEED)) $(BIN)/pytest -q tests/fuzz

# The gates of docs/security.md with the numbers of their bars. One of them: make security ARGS="tests/security/test_g02_isolation.py"
security: setup
	@$(BIN)/python -m tests.security $(ARGS)

# Against FastMCP and the floor, a core each for what is measured and for the load: make bench QUICK=1 ONLY=gateway,floor
bench: setup
	@$(BIN)/python -m bench.peers $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)") --out .data/bench.json

# 100,000 servers against 10, a thousand tokens in rotation, lists at a million log rows; and what docs/performance.md
# and docs/scaling.md quote besides: several workers, an upstream that takes its time, the time until the first answer.
bench-scale: setup
	@$(BIN)/python -m bench.scale $(if $(QUICK),--quick) --out .data/bench-scale.json

bench-workers: setup
	@$(BIN)/python -m bench.workers $(if $(QUICK),--quick) --out .data/bench-workers.json

bench-slow: setup
	@$(BIN)/python -m bench.slow_upstream $(if $(QUICK),--quick) --out .data/bench-slow.json

bench-start: setup
	@$(BIN)/python -m bench.start $(if $(QUICK),--quick) --out .data/bench-start.json

check: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mcp-gateway catalog check --quiet

format: setup
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

# After a change of the dependencies in pyproject.toml.
lock:
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal \
	  --python-version 3.11 --extra embedded --group dev pyproject.toml -o requirements.lock

clean:
	@rm -rf $(VENV) .tools .data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
