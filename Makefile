# The commands that a person types. Everything is built by CMake; this file only names the steps.
JOBS ?= $(shell nproc)
PROFILE ?= default
BUILD := build/release
export CMAKE_COLOR_DIAGNOSTICS = OFF

.PHONY: certify test test-lab-all test-tsan build package peers tidy format fuzz clean help
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

certify: build ## Install what is missing, build, and certify this host (PROFILE=default)
	$(BUILD)/cli/assay certify $(PROFILE)

build: ## Build the program: build/release/cli/assay
	@scripts/install-packages build
	@cmake --preset release -DASSAY_TESTS=OFF -Wno-dev --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target assay

test: ## Install what is missing, build with sanitizers, and run every test
	@scripts/install-packages build test lab
	@cmake --preset asan-ubsan -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	cmake --build --preset asan-ubsan --parallel $(JOBS)
	ctest --preset asan-ubsan --parallel $(JOBS) --label-exclude lab-extra

test-lab-all: ## Run the tests in virtual hosts of every kind (docs/lab.md)
	@scripts/install-packages build test lab
	@cmake --preset asan-ubsan -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	cmake --build --preset asan-ubsan --parallel $(JOBS) --target assay lab-tests
	ctest --preset asan-ubsan --parallel $(JOBS) -L lab

test-tsan: ## Run the tests that use threads under ThreadSanitizer
	@scripts/install-packages build test
	@cmake --preset tsan -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	cmake --build --preset tsan --parallel $(JOBS) --target threaded-tests
	ctest --preset tsan -L threads

stress: ## Read shared memory a billion times under load, and count what was torn or lost
	@scripts/install-packages build test
	@cmake --preset release -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target shm-stress
	$(BUILD)/tests/stress/shm-stress

package: ## Build Debian packages of the program and of the engine as a library
	@scripts/install-packages build package
	@cmake --preset release -DASSAY_TESTS=OFF -Wno-dev --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target assay assay_engine_library
	cd $(BUILD) && cpack -G DEB
	@ls $(BUILD)/*.deb

peers: ## Measure assay beside fio and others, interleaved; writes docs/measurements.md, judges nothing
	@scripts/install-packages build test peers
	@cmake --preset release -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	cmake --build --preset release --parallel $(JOBS) --target assay peers
	tests/peers/run $(BUILD) --write docs/measurements.md

tidy: ## Run clang-tidy and check the format
	@scripts/install-packages build test tidy
	@cmake --preset dev -DASSAY_TESTS=ON -Wno-dev --log-level=WARNING
	tests/tidy/clang-tidy build/dev

format: ## Format every source in place
	@scripts/install-packages tidy
	git ls-files '*.hpp' '*.cpp' | xargs clang-format-19 -i

fuzz: ## Fuzz every parser for a minute each
	@scripts/install-packages build test fuzz
	tests/fuzz/run 60

clean: ## Remove everything that was built
	rm -rf build
