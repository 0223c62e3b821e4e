# make lab        install what is needed, bring work/ up to date, open JupyterLab at the lesson that comes next
#                 (ARGS=--no-browser without a screen; ARGS="--port 8890" and whatever else jupyter lab knows;
#                 TORCH_INDEX=https://download.pytorch.org/whl/cpu, or another index of PyTorch, for another build of
#                 torch: nothing else is taken from there)
# make test       lint, the test suite, then every notebook from top to bottom
# make notebooks  build notebooks/, exercises/ and solutions/ from authoring/
# make browser-test  a lesson and an exercise in JupyterLab, clicked and typed in Chromium
#                 (SCREENSHOTS=pictures renews the pictures of README.md; CHROMIUM=program picks another browser)
# make lint       ruff, and mypy for what learners import
# make colab      write build/colab/: notebooks that carry the package, to upload to Google Colab
# make colab-links   badges and install cells in all notebooks, once pyproject.toml names a public address
# make colab-check   execute build/colab/ with Colab's versions (builds an environment of several gigabytes)

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY := $(BIN)/python
FIND_PYTHON := for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
  $$p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $$p && break; done
WORKERS := 2
DOWNLOAD := The first time this downloads about 3 GB on Linux, where PyTorch brings its CUDA libraries \
  (README.md, Start, has the way to the small build), and about 0.4 GB on macOS and Windows.

.PHONY: lab test browser-test notebooks lint colab colab-links colab-check
.DELETE_ON_ERROR:

lab: $(VENV)/installed
	$(PY) -m cbam_course lab $(ARGS)

# Each worker computes on one core; together they would otherwise wait for each other.
test: export OMP_NUM_THREADS := 1
test: lint
	$(PY) -m pytest -n $(WORKERS) --dist loadscope --durations=10 tests
	$(PY) -m pytest -c tests/nbval.ini --rootdir . -n $(WORKERS) --dist loadscope \
	  notebooks exercises solutions

browser-test: $(VENV)/installed-browser
	$(PY) -m pytest --durations=5 tests/browser

lint: $(VENV)/installed-test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

notebooks: $(VENV)/installed-test
	$(PY) tools/build_notebooks.py $(ARGS)

colab: $(VENV)/installed-test
	$(PY) tools/build_colab.py

colab-links: $(VENV)/installed-test
	$(PY) tools/colab_links.py

colab-check: $(VENV)/installed-test
	$(PY) tools/colab_check.py $(ARGS)

$(PY):
	@echo "Making a virtual environment in $(VENV)/"
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then echo "The course needs Python 3.11 or newer; none was found."; exit 1; fi; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "A virtual environment could not be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@if [ -n "$(TORCH_INDEX)" ]; then \
	  $(PY) -m pip install --no-deps --index-url "$(TORCH_INDEX)" torch torchvision || { rm -rf $(VENV); exit 1; }; fi

$(VENV)/installed: pyproject.toml | $(PY)
	@echo "Installing the course and what it needs into $(VENV)/. $(if $(PIP_ARGS),,$(DOWNLOAD))"
	$(PY) -m pip install $(PIP_ARGS) -e .
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(PY)
	$(PY) -m pip install $(PIP_ARGS) -e ".[test]"
	@touch $@ $(VENV)/installed

$(VENV)/installed-browser: pyproject.toml | $(PY)
	$(PY) -m pip install $(PIP_ARGS) -e ".[test,browser]"
	@touch $@ $(VENV)/installed-test $(VENV)/installed
