# Targets: all (bin/orchrt), run, test, verify, bench, clean.

GO      ?= go
PKGS    := ./... ./testdata ./testdata/demo
VERIFY  := .verify

export CGO_ENABLED := 1

.PHONY: all run test vet verify bench clean FORCE

all: bin/orchrt

# Go decides what is out of date.
bin/orchrt: FORCE
	$(GO) build -trimpath -o $@ ./cmd/orchrt

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
