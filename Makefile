# make demo   sets up .venv and runs the whole road on The Complete Journey
# make test   sets up every extra in the same .venv and runs the tests
# make test-tensorflow   the Keras example, in an environment of its own
# make lint   style and types          make bench, make bench-quality   speed; quality beside peers
# make screenshots   every page of the console as a picture, in screenshots/
#
# Runs on a fresh Debian with Python 3.11. Further words for a command go in ARGS: make demo ARGS=--quick

PYTHON ?= $(shell for each in python3.11 python3; do $$each -c '' 2>/dev/null && echo $$each && break; done)
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)
EXTRAS := demo,serve,inventory,delivery,multilingual,generative,tune,track,onnx,scale,dev
# One thread for each of the two test processes; nothing may reach for a network.
QUIET_CORES := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

# $(call debian,PACKAGE...): installs what is missing where we may, says so where we may not.
define debian
	missing=""; for each in $(1); do dpkg -s $$each >/dev/null 2>&1 || missing="$$missing $$each"; done; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Debian packages:$$missing"; apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "Not installed:$$missing. On Debian: sudo apt-get install$$missing" >&2; fi
endef

.PHONY: demo test test-tensorflow lint bench bench-quality screenshots setup setup-all debian-test clean distclean
.DELETE_ON_ERROR:

demo: setup
	$(BIN)/goeswith demo $(ARGS)

test: setup-all debian-test
	$(QUIET_CORES) $(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

# TensorFlow has an environment of its own: it and PyTorch want different things of the same packages.
test-tensorflow: setup-all $(VENV)-tensorflow/stamp
	GOESWITH_TENSORFLOW=$(VENV)-tensorflow/bin/python $(BIN)/python -m pytest -q tests/test_practice_export.py -k keras $(ARGS)

$(VENV)-tensorflow/stamp:
	$(PYTHON) -m venv $(VENV)-tensorflow
	$(VENV)-tensorflow/bin/python -m pip install --quiet --disable-pip-version-check \
		tensorflow-cpu==2.21.0 safetensors==0.8.0 polars==2.1.0
	@touch $@

lint: setup-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup-all
	$(BIN)/python benchmarks/speed.py $(ARGS)

bench-quality: setup-all
	$(BIN)/python benchmarks/quality.py $(ARGS)

screenshots: setup-all
	@$(call debian,chromium fonts-noto-cjk)
	$(BIN)/python benchmarks/screenshots.py screenshots $(ARGS)

setup: $(VENV)/demo.stamp
setup-all: $(VENV)/all.stamp

$(BIN)/python:
	@$(or $(PYTHON),python3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "goeswith needs Python 3.11 or later: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call debian,python3-venv); }
	$(PYTHON) -m venv $(VENV)

# LightGBM's wheel expects the system's OpenMP.
$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || { $(call debian,libgomp1); }
	$(PIP) $(TORCH)
	$(PIP) -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/all.stamp: $(VENV)/demo.stamp
	$(PIP) -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

# Chromium and a Chinese font, once there are tests that open a browser.
debian-test:
	@if grep -rqs 'playwright' tests --include='*.py'; then $(call debian,chromium fonts-noto-cjk); fi

clean:
	rm -rf build dist goeswith-demo screenshots .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(VENV)-tensorflow
