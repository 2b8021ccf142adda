# The one door. `make help` lists what is behind it.
PYTHON ?= python3
VENV    = .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
SHIM    = $(wildcard shim/*.c shim/*.h shim/*.map shim/*.S shim/*.py shim/calls/*.toml shim/Makefile)
HOST    = pyshim/_host.c pyshim/_host_hooks.c pyshim/_host_share.c
N      ?= 1000
ROUNDS ?= 20
WARN    = -std=gnu11 -O2 -Wall -Wextra -Wshadow -Wundef -Wvla -Werror -Wno-unused-function
NEEDS   = strace git sqlite3 gcc make tar
BESIDE  = valgrind gdb fakeroot musl-tools libc6-i386 libjemalloc2 libtcmalloc-minimal4 \
          libeatmydata1 libfaketime fiu-utils

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(STAMP): pyproject.toml setup.py $(HOST) pyshim/_cdefs.py $(SHIM)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

build: $(STAMP) ## build the shim and install everything into .venv

examples: ## compile examples/ into examples/build
	@$(MAKE) -s -C examples

demo: build examples ## run the main job and show what happened
	@sh examples/demo.sh

debs: # what the tests run besides ours; as root it is installed; without BESIDE some are skipped
	@missing=; for each in $(NEEDS); do command -v $$each >/dev/null || missing="$$missing $$each"; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		for each in $(BESIDE); do dpkg-query -W -f '$${Status}' $$each 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$each"; done; \
		if [ -n "$$missing" ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi; \
	elif [ -n "$$missing" ]; then echo "missing:$$missing; as root: apt-get install$$missing"; exit 1; fi

check: build ## ruff, mypy, warnings as errors, gcc's analyzer, drift, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) -s -C shim BUILD=build/analyze OUT=build/analyze/lib ANALYZE=1 PYTHON=$(abspath $(BIN)/python)
	@$(MAKE) -s ubsan
	@cat $(HOST) | gcc $(WARN) -fanalyzer -D_GNU_SOURCE -c -o /dev/null -include shim/call.h -include shim/wire.h -include shim/shared.h -x c -
	$(BIN)/python shim/drift.py
	$(BIN)/python shim/gen_docs.py | diff -u docs/calls.md -
	$(BIN)/python docs/gen_plugins.py | diff -u docs/plugins.md -
	$(BIN)/python tests/fidelity/page.py | diff -u docs/fidelity.md -

ubsan: # the shim with undefined behaviour made a trap
	@$(MAKE) -s -C shim SANITIZE=ubsan BUILD=build/ubsan OUT=build/ubsan/lib PYTHON=$(abspath $(BIN)/python)

docs: build ## write the generated pages of docs/
	$(BIN)/python shim/gen_docs.py > docs/calls.md
	$(BIN)/python docs/gen_plugins.py > docs/plugins.md
	$(BIN)/python tests/fidelity/page.py > docs/fidelity.md

test: debs build examples check ## all tests (under fifteen minutes on two cores)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

bench: build ## cost per call beside strace, libfiu and fakechroot
	$(BIN)/python benchmarks/run.py

cpython: build ## CPython's own tests, bare and under pyshim (an hour)
	$(BIN)/python tests/cpython/compare.py

coverage: build ## how much the full layer sees of sixty commands, into docs/coverage.md (five minutes)
	$(BIN)/python benchmarks/coverage/page.py -o docs/coverage.md

stress: build ## the stress target N=1000 times, bare and under the full layer (ten minutes)
	$(BIN)/python tests/stress.py $(N)

hosts: build ## Python hooks in every host, three rounds at every moment and layer (half an hour)
	$(BIN)/python tests/hosts/matrix.py

outside: build ## long tests: Python hooks in the host, records and replays 100 times (five minutes)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m long tests/integration

fidelity: build ## injected conditions beside real ones: all rules, both layers (three minutes)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'long or not long' tests/fidelity

life: build ## processes with hooks fork, take signals, end; ROUNDS=20 times in six modes (an hour)
	$(BIN)/python tests/life.py $(ROUNDS)

clean: ## remove everything that was built
	rm -rf build pyshim/_lib pyshim/*.so shim/build examples/build *.egg-info $(VENV)

.PHONY: help build examples demo debs check ubsan docs test bench cpython coverage stress hosts outside fidelity life clean
.DEFAULT_GOAL := help
