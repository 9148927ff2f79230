# Framewright. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help demo bench test test-slow check format docs images-test lock pin-images serve-env dev-env clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: serve-env ## upscale and track the sample clip through a local Triton; writes out/
	@mkdir -p out
	@$(BIN)/framewright upscale examples/sample.mp4 out/sample_x4.mp4 --compare out/sample_x4.png --force
	@$(BIN)/framewright track examples/sample.mp4 --model lite-detector -o out/sample_tracks.json \
	  --overlay out/sample_tracks.mp4 --timeline out/sample_tracks.png --force

bench: dev-env ## measure speed and memory beside peers; QUICK=1, PARTS="track upscale"; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.bench $(PARTS) $(if $(QUICK),--quick)

test: dev-env ## run the tests of every room, against a real Triton, except the slow ones
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: dev-env ## run the slow tests: floods, soaks, kills, training, every model build
	@$(BIN)/python -m pytest -m slow

check: dev-env ## format, lint, types, import arrows, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_imports.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" --ignore=tests/test_imports.py

format: dev-env ## format the sources and apply automatic fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

images-test: dev-env ## build the images without Docker and run a job in one (needs root, Debian)
	@.ci/images

serve-env: .venv/.serve ## the serving environment in .venv: Triton, no torch
dev-env: .venv/.dev ## serving, exporting and testing in .venv: with torch, several gigabytes

deploy/cloudflare/node_modules/.ready: deploy/cloudflare/package-lock.json | .venv/bin/node
	@$(BIN)/npm ci --prefix deploy/cloudflare --no-audit --no-fund --silent
	@touch $@

docs: serve-env deploy/cloudflare/node_modules/.ready ## regenerate the reference pages, and what the API shares with the worker
	@$(BIN)/python -m tools.reference docs
	@$(BIN)/python -m tools.api_tables deploy/cloudflare/api/generated
	@$(BIN)/node deploy/cloudflare/scripts/job_validator.ts deploy/cloudflare/api/generated

lock: ## pin the requirements with hashes (needs uv)
	@requirements/lock.sh

pin-images: ## pin third-party images by their current digests (needs Docker)
	@requirements/images.sh

clean: ## remove the environment, outputs and caches
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@requirements/venv.sh

.venv/.serve: requirements/serve.txt pyproject.toml | .venv/bin/python
	@echo "installing the serving environment into .venv"
	@$(PIP) install --require-hashes --no-deps -r requirements/serve.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "installing the development environment into .venv (torch: several gigabytes)"
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.serve
