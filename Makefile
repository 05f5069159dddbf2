# Makefile -- the short names of everything one does with Runbell. The work is done by Meson and tools/.

.DEFAULT_GOAL := build
CHECKS := check-layers check-limits check-heads check-words check-malloc check-proofs check-format
PYTHON := .venv/bin/python
FUZZ_SECONDS ?= 600
SOAK_CYCLES ?= 10000
SOAK_SEEDS ?= 5000
SOAK_CUTS ?= 1000
SOAK_ENGINE_SEEDS ?= 100000
SOAK_NAMES ?= 2000
SOAK_DELIVERIES ?= 100000

.PHONY: build demo test unit bench soak mutants fuzz format checks clean setup cppcheck tidy $(CHECKS)

setup:                  ## install what the machine lacks
	@tools/setup

build: setup            ## build/runbell, optimised
	@tools/build release && ls -lh build/runbell

demo: build             ## run agents and show the webhooks that arrive
	@$(PYTHON) tools/demo

test: setup             ## everything that continuous integration runs
	@$(PYTHON) tools/run-tests

unit: setup             ## the fast part: unit tests with sanitizers
	@$(PYTHON) tools/run-tests --only unit

bench: build            ## measure speed and size beside the dev servers and wrk
	@tools/setup --bench
	@$(PYTHON) bench/run

soak: build             ## the long campaigns: crash cycles, two nodes that are killed, simulated seeds, all of IPv4, names that change
	@tools/build clang && ninja -C build/clang src/http/egress_full_check && build/clang/src/http/egress_full_check
	@RUNBELL_TEST_REBINDINGS=$(SOAK_NAMES) $(PYTHON) tools/run-tests --only crash,sim,faults \
	    --crash-cycles $(SOAK_CYCLES) --sim-seeds $(SOAK_SEEDS) --sim-cuts $(SOAK_CUTS) \
	    --engine-seeds $(SOAK_ENGINE_SEEDS) --deliveries $(SOAK_DELIVERIES)

mutants: setup          ## break the program on purpose, line by line, and see which tests notice: an hour
	@tools/mutants

fuzz: setup             ## every fuzz target for FUZZ_SECONDS each
	@$(PYTHON) tools/run-tests --only fuzz --fuzz-seconds $(FUZZ_SECONDS)

format:                 ## lay out the C code
	@tools/check-format --fix

checks: $(CHECKS)       ## what only reads the sources: seconds

$(CHECKS):
	@tools/$@

cppcheck tidy: setup
	@$(PYTHON) tools/run-tests --only $@

clean:
	rm -rf build
