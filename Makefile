# Framewright. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
# A test that fails is run once more, and the first failure is printed even if the second run passes.
PYTEST := $(BIN)/python -m pytest --reruns 1 --rerun-show-tracebacks -rfER
PIP := $(BIN)/pip --disable-pip-version-check --quiet
PACKAGES := deploy/cloudflare/node_modules/.ready
NODE := cd deploy/cloudflare && PATH="$(CURDIR)/$(BIN):$$PATH" WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true

.PHONY: help demo cloud screenshots bench test test-slow check format docs cloud-check images-test lock pin-images serve-env cloud-env dev-env clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: serve-env ## upscale and track the sample clip through a local Triton; writes out/
	@mkdir -p out
	@$(BIN)/framewright upscale examples/sample.mp4 out/sample_x4.mp4 --compare out/sample_x4.png --force
	@$(BIN)/framewright track examples/sample.mp4 --model lite-detector -o out/sample_tracks.json \
	  --overlay out/sample_tracks.mp4 --timeline out/sample_tracks.png --force

cloud: cloud-env $(PACKAGES) ## run the page, the API, a bucket, RunPod and a worker on this machine, until Ctrl-C; PORT=8787 FILM_SECONDS=600
	@$(BIN)/python -m tools.cloud $(if $(PORT),--port $(PORT)) $(if $(FILM_SECONDS),--film-seconds $(FILM_SECONDS)) $(if $(BUNDLE),--bundle $(BUNDLE))

screenshots: dev-env $(PACKAGES) ## take the pictures of docs/page.md anew, with the real worker and Chromium
	@requirements/chromium.sh
	@$(BIN)/python -m tools.page_pictures

bench: dev-env ## measure speed and memory beside peers; QUICK=1, PARTS="track upscale"; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks.bench $(PARTS) $(if $(QUICK),--quick)

test: dev-env ## run the tests of every room, against a real Triton, except the slow ones
	@$(MAKE) --no-print-directory $(PACKAGES) || echo "npm failed: the tests of the API and of the page will be skipped"
	@requirements/chromium.sh
	@[ ! -e $(PACKAGES) ] || ($(NODE) npm run --silent test)
	@$(PYTEST) -n 2 --dist loadfile -m "not slow"

test-slow: dev-env ## run the slow tests: floods, soaks, kills, training, every model build
	@$(MAKE) --no-print-directory $(PACKAGES) || echo "npm failed: the tests of the API and of the page will be skipped"
	@requirements/chromium.sh
	@$(PYTEST) -m slow

check: dev-env $(PACKAGES) ## format, lint, types, import arrows, tests
	@requirements/chromium.sh
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(NODE) npm run --silent check
	@$(BIN)/python -m pytest tests/test_imports.py
	@$(PYTEST) -n 2 --dist loadfile -m "not slow" --ignore=tests/test_imports.py

format: dev-env $(PACKAGES) ## format the sources and apply automatic fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(NODE) node_modules/.bin/biome check --write .

cloud-check: cloud-env $(PACKAGES) ## bundle the API and the page as for a deployment to Cloudflare, without deploying it
	@$(NODE) npm run --silent page
	@$(NODE) node_modules/.bin/wrangler deploy --dry-run --outdir ../../out/deploy

images-test: dev-env ## build the images without Docker and run a job in one (needs root, Debian)
	@.ci/images

serve-env: .venv/.serve ## the serving environment in .venv: Triton, no torch
cloud-env: .venv/.cloud ## the serving environment, with Node and a local S3 server
dev-env: .venv/.dev ## serving, exporting and testing in .venv: with torch, several gigabytes

$(PACKAGES): deploy/cloudflare/package-lock.json deploy/cloudflare/.npmrc | .venv/bin/node
	@echo "installing the API's packages into deploy/cloudflare/node_modules (400 MB)"
	@$(BIN)/npm ci --prefix deploy/cloudflare --no-audit --no-fund --loglevel=error
	@touch $@

docs: serve-env $(PACKAGES) ## regenerate the reference pages, and what the API shares with the worker
	@$(BIN)/python -m tools.reference docs
	@$(BIN)/python -m tools.api_tables deploy/cloudflare/api/generated
	@$(BIN)/node deploy/cloudflare/scripts/job_validator.ts deploy/cloudflare/api/generated
	@$(BIN)/node deploy/cloudflare/scripts/openapi.ts deploy/cloudflare/openapi.json
	@$(NODE) npm run --silent types

lock: ## pin the requirements with hashes (needs uv)
	@requirements/lock.sh

pin-images: ## pin third-party images by their current digests (needs Docker)
	@requirements/images.sh

clean: ## remove the environment, outputs and caches
	rm -rf .venv out deploy/cloudflare/node_modules deploy/cloudflare/.wrangler deploy/cloudflare/page/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@requirements/venv.sh

.venv/.serve: requirements/serve.txt pyproject.toml | .venv/bin/python
	@echo "installing the serving environment into .venv (800 MB)"
	@$(PIP) install --require-hashes --no-deps -r requirements/serve.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.cloud: requirements/cloud.txt pyproject.toml | .venv/bin/python
	@echo "installing the serving environment, Node and a local S3 server into .venv (1.4 GB)"
	@$(PIP) install --require-hashes --no-deps -r requirements/cloud.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.serve

.venv/bin/node: | .venv/.cloud

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "installing the development environment into .venv (torch: several gigabytes)"
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.cloud .venv/.serve
