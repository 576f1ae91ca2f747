# Two words do everything on a fresh machine: `make demo` and `make test`.
node := .toolchain/node/bin/node

.PHONY: help setup demo test check format bench clean
help: ## these words
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: ## bring in Node, npm packages, Python, the Java and the C++ worker; quick when done
	@sh tools/setup

demo: setup ## start Sluice, deploy the canary pair, send real requests, show the split (EXIT=1: check and end)
	@bin/sluice demo $(if $(EXIT),--exit)

check: setup ## formatting, lint, types
	@$(node) node_modules/@biomejs/biome/bin/biome check .
	@$(node) node_modules/typescript/bin/tsc --noEmit

test: check ## every test there is
	@sh tools/setup-test
	@sh tools/setup-prometheus
	@$(node) tools/test.ts all

format: setup ## rewrite the sources in the one format
	@$(node) node_modules/@biomejs/biome/bin/biome check --write .

bench: setup ## the benchmarks, against their peers (bench/README.md)
	@$(node) bench/run.ts

clean: ## remove what setup made
	rm -rf node_modules .toolchain processors/cpp/target processors/java/target processors/java/lib bench/out
