# Set vmops up, try it, test it. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) * 3 // 2)")
INSTALLED := .venv/.installed
ENGINE := github.com/pulumi/pulumi
PIN := vmops/engine/install/gomod

.PHONY: help ready demo test torture fleets moves schedules steps crowd cluster hosts away unit lint types docs clients places bench curve house wheel engine clean
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

ready: $(INSTALLED) ## set up .venv and the Pulumi engine, if they are not
	@$(BIN)/vmops engine path >/dev/null 2>&1 || $(BIN)/vmops engine install

demo: ready ## provision, use and remove a virtual machine in the local Azure
	@$(BIN)/vmops demo

test: ready ## run all the tests
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal

torture: ready ## kill everything at every moment, in SEEDS lives from FIRST on; SEED=N one again; CLUSTER=1 with PostgreSQL
	@$(BIN)/python -m tests.chaos $(if $(CLUSTER),--cluster) $(if $(SEED),--seed $(SEED),--first $(or $(FIRST),1) --seeds $(or $(SEEDS),20))

fleets: ready ## kill a fleet at every boundary of five phases, SEEDS times from FIRST on (an hour each)
	@$(BIN)/python -m tests.chaos.fleet_kills --first $(or $(FIRST),1) --seeds $(or $(SEEDS),1)

schedules: ready ## let Azure fail in every way it knows: steps, families, and SEEDS lives; SEED=N lives one again
ifeq ($(SEED)$(CLUSTER),)
	@$(MAKE) --no-print-directory steps
	@$(BIN)/python -m tests.simulation --families
endif
	@$(BIN)/python -m tests.chaos --faults $(if $(CLUSTER),--cluster) $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),20))

steps: $(INSTALLED) ## call the verbs in any order on the engine's double, STEPS times; SEED=N takes the same steps again
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--steps $(or $(STEPS),10000))

crowd: ready ## let 8 processes fight over 4 VMs for two minutes, then make 32 at once
	@$(BIN)/python -m tests.chaos.crowd fight
	@$(BIN)/python -m tests.chaos.crowd at-once

moves: ready ## strike one VM, half or all of a fleet by each lack: of room in a zone, a size, a region, of a size, of a quota
	@MATRIX=whole $(BIN)/pytest -q tests/functional/test_fleet_moves.py --durations=10

cluster: ready ## share a PostgreSQL between two hosts, and kill one of them in the middle of its work
	@$(BIN)/python -m tests.chaos.show

hosts: ready ## live SEEDS lives of a VM over two hosts that die, from FIRST on
	@$(BIN)/python -m tests.chaos.hosts --seeds $(or $(SEEDS),20) --first $(or $(FIRST),1)

away: ready ## take PostgreSQL away from hosts for 25 seconds, and for 90 (four minutes)
	@$(BIN)/python -m tests.chaos.absence

unit: $(INSTALLED) ## run the tests that need no engine
	@$(BIN)/pytest tests/unit

lint: $(INSTALLED) ## check style, format, spelling and words
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/codespell
	@$(BIN)/python -m tests.words

types: $(INSTALLED) ## check the types
	@$(BIN)/mypy

docs: $(INSTALLED) ## build the site of the documentation into dist/site; needs no network, and a warning is an error
	@$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs dist/site
	@echo "dist/site/index.html"

clients: $(INSTALLED) ## run Azure's own clients against the local Azure; CLIENTS=az,js only these (needs PyPI, npm, Go)
	@$(BIN)/python -m tests.clients $(CLIENTS)

places: ready ## call vmops from where programs really run; PLACES=uwsgi,memory only these (needs PyPI; root for containers)
	@$(BIN)/python -m tests.places $(PLACES)

bench: ready ## measure vmops beside what else a user has, and fleets (ten minutes)
	@$(BIN)/python -m benchmarks.table
	@$(BIN)/python -m benchmarks.fleet
	@$(BIN)/python -m benchmarks.page

curve: ready ## measure 1, 4, 24 and 100 VMs at once, and draw the plot (ten minutes)
	@$(BIN)/python -m benchmarks.curve
	@$(BIN)/python -m benchmarks.page

house: $(INSTALLED) ## print the figures of the structure: rooms, imports, lengths
	@$(BIN)/python -m tests.house

wheel: $(INSTALLED) ## build the wheel into dist
	@$(BIN)/python -m build --wheel --no-isolation

engine: $(INSTALLED) ## pin the Pulumi engine to VERSION, as its own modules say, and install it (needs Go)
	@$(if $(VERSION),,$(error name the engine to pin, as in `make engine VERSION=3.274.1`))
	@go mod download $(ENGINE)/pkg/v3@v$(VERSION)
	@sed -E '/^(require|tool) \(/,/^\)/d; /^(require|tool) /d' \
		"$$(go env GOMODCACHE)/cache/download/$(ENGINE)/pkg/v3/@v/v$(VERSION).mod" >$(PIN)/go.mod
	@: >$(PIN)/go.sum
	@go mod edit -module=vmops/engine -dropreplace=$(ENGINE)/sdk/v3 -require=$(ENGINE)/pkg/v3@v$(VERSION) \
		-tool=$(ENGINE)/pkg/v3/cmd/pulumi $(PIN)/go.mod
	@go mod tidy -C $(PIN)
	@$(BIN)/vmops engine install

clean: ## remove .venv, dist and the tools' caches; the engine stays in your cache directory
	rm -rf .venv dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vmops needs Python 3.11 or newer and $(PYTHON) is %d.%d: name another, as in `make PYTHON=python3.12 $(MAKECMDGOALS)`" % sys.version_info[:2])'
	@echo "setting up .venv: vmops, what it needs and what its tests need (500 MB and more; minutes, the first time)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --editable . --group dev --group docs
	@touch $@
