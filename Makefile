# Targets: all (bin/orchrt), cuda, run, test, verify, bench, cuda-test, gpu-check, gpu-package, clean.
# bin/orchrt is built with CUDA where a toolkit is found: CUDA_HOME, nvcc on the
# PATH, /usr/local/cuda, or .cuda, where make cuda installs one. CUDA= builds without.

GO      ?= go
PKGS    := ./... ./testdata ./testdata/demo
VERIFY  := .verify

TOOLKIT := kernels/gpu/cuda/toolkit.sh
ifeq ($(origin CUDA),undefined)
CUDA    := $(shell $(TOOLKIT) find)
endif
JOBS    ?= $(shell nproc)

export CGO_ENABLED := 1

# What a build with the tag cuda needs: our cuda.h before that of the toolkit, our
# libcuda.a before that of the system (see kernels/gpu/cuda/doc.go).
CUDA_ENV = CGO_CFLAGS="-O2 -g -I$(CURDIR)/kernels/gpu/cuda/include -I$(CUDA)/include" CGO_LDFLAGS="-O2 -g -L$(CURDIR)/bin/cuda"
LIBCUDA := kernels/gpu/cuda/libcuda

.PHONY: all cuda run test vet verify bench cuda-test cuda-test-with kernels gpu-check gpu-package gpu-package-with clean FORCE

all: bin/orchrt

# Go and kernels/gpu/cuda/compile decide what is out of date.
ifeq ($(CUDA),)
bin/orchrt: FORCE
	$(GO) build -trimpath -o $@ ./cmd/orchrt
else
bin/orchrt: FORCE kernels bin/cuda/libcuda.a
	$(CUDA_ENV) $(GO) build -trimpath -tags cuda -o $@ ./cmd/orchrt
endif

# With CUDA, whatever it takes.
cuda:
	$(MAKE) bin/orchrt CUDA="$$($(TOOLKIT) install)"

kernels:
	$(GO) run ./kernels/gpu/cuda/compile -cuda "$(CUDA)" -j $(JOBS) $(KERNELFLAGS)

bin/cuda/libcuda.a: $(LIBCUDA)/trampolines.S $(LIBCUDA)/symbols.h $(LIBCUDA)/libcuda.c $(LIBCUDA)/libcuda.h
	@mkdir -p $(@D)
	$(CC) -O2 -fPIC -Wall -Wextra -Werror -c $(LIBCUDA)/trampolines.S -o $(@D)/trampolines.o
	$(CC) -O2 -fPIC -Wall -Wextra -Werror -c $(LIBCUDA)/libcuda.c -o $(@D)/libcuda.o
	rm -f $@
	$(AR) rcs $@ $(@D)/trampolines.o $(@D)/libcuda.o

# A tiny model of random weights, one streamed chat request, its tokens per second.
run: bin/orchrt bin/tiny-q4_k_m.gguf
	$(GO) run ./testdata/demo bin/orchrt bin/tiny-q4_k_m.gguf

test: vet
	$(GO) test $(PKGS)

# The tag only adds files, so that this looks at all there are.
vet:
	$(GO) vet -tags verify $(PKGS)
	$(GO) tool staticcheck -tags verify $(PKGS)

# The live reference implementations stand in $(VERIFY), pinned by testdata/verify.
verify:
	testdata/verify/setup.sh $(VERIFY)
	$(GO) test -tags verify -run Verify -timeout 25m $(PKGS)

# Every kernel for every GPU within its budget; the driver on a libcuda of the tests; and the program
# built with CUDA does the main job where there is no GPU.
cuda-test:
	$(MAKE) cuda-test-with CUDA="$$($(TOOLKIT) install)"

cuda-test-with: bin/cuda/libcuda.a bin/tiny-q4_k_m.gguf
	$(MAKE) kernels CUDA="$(CUDA)" KERNELFLAGS="-check -report"
	$(CUDA_ENV) $(GO) vet -tags cuda ./kernels/gpu/... ./cmd/orchrt
	$(CUDA_ENV) $(GO) test -tags cuda ./kernels/gpu/cuda/...
	$(CUDA_ENV) $(GO) test -tags cuda -run 'Choose|Usage|DeviceLost' ./cmd/orchrt
	$(CUDA_ENV) $(GO) build -trimpath -tags cuda -o bin/cuda/orchrt ./cmd/orchrt
	$(GO) run ./testdata/demo bin/cuda/orchrt bin/tiny-q4_k_m.gguf

# Checks and measures on this machine's GPU, into $(OUT) or gpu-results: see
# kernels/gpu/cuda/check/check.py. gpu-package makes the folder and the archive to carry to a machine without Go: there, sh gpu-check.
CHECK := kernels/gpu/cuda/check
gpu-check: gpu-package
	python3 bin/gpu-package/check.py $(CHECKFLAGS)

gpu-package:
	$(MAKE) gpu-package-with CUDA="$$($(TOOLKIT) install)"

gpu-package-with: kernels bin/cuda/libcuda.a
	rm -rf bin/gpu-package bin/gpu-package.tar.xz
	mkdir -p bin/gpu-package
	$(CUDA_ENV) $(GO) build -trimpath -tags cuda -ldflags "-s -w" -o bin/gpu-package/orchrt ./cmd/orchrt
	$(CUDA_ENV) $(GO) test -c -trimpath -tags cuda -ldflags "-s -w" -o bin/gpu-package/gpu.test ./kernels/gpu
	cp $(CHECK)/*.py bin/gpu-package
	printf '#!/bin/sh\nexec python3 "$$(dirname "$$0")/check.py" "$$@"\n' >bin/gpu-package/gpu-check
	chmod +x bin/gpu-package/gpu-check
	tar -C bin -cJf bin/gpu-package.tar.xz gpu-package
	@size=$$(du -m bin/gpu-package.tar.xz | cut -f1); echo "bin/gpu-package: $$(du -sm bin/gpu-package | cut -f1) MiB, $$size MiB packed"; \
	test $$size -lt 60 || { echo "the packed archive is to be under 60 MiB" >&2; exit 1; }

# A true Qwen3-0.6B of random weights unless MODEL names a file.
MODEL ?= bin/qwen3-0.6b-q4_k_m.gguf
bench: bin/orchrt $(MODEL)
	bin/orchrt bench --model $(MODEL) $(BENCHFLAGS)
	$(GO) test -run '^$$' -bench . -skip /generic -benchtime 20x ./kernels/cpu

bin/tiny-q4_k_m.gguf: | bin/orchrt
	bin/orchrt synth --preset tiny --type Q4_K_M -o $@

bin/qwen3-0.6b-q4_k_m.gguf: | bin/orchrt
	bin/orchrt synth --preset qwen3-0.6b --type Q4_K_M -o $@

clean:
	rm -rf bin
