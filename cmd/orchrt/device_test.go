package main

import (
	"errors"
	"strings"
	"testing"

	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/cuda"
)

func TestChooseAuto(t *testing.T) {
	reason := errors.New("no driver")
	if c := chooseAuto(nil, reason); c.gpu != -1 || c.String() != "the CPU: no driver" {
		t.Errorf("without a driver: %v", c)
	}
	old, new := gpu.Info{Name: "Old", Major: 7, Minor: 5}, gpu.Info{Name: "New", Major: 9, DriverVersion: "580.1"}
	if c := chooseAuto([]gpu.Info{old}, nil); c.gpu != -1 || cuda.Built && !strings.Contains(c.why, "Old has compute capability 7.5") {
		t.Errorf("with an old GPU: %v", c)
	}
	if !cuda.Built {
		return // no GPU is usable
	}
	if c := chooseAuto([]gpu.Info{old, new}, nil); c.gpu != 1 || !strings.HasPrefix(c.String(), "GPU 1, New (compute capability 9.0, 580.1): ") {
		t.Errorf("with two GPUs: %v", c)
	}
}

func TestWeightsFit(t *testing.T) {
	if err := weightsFit(10, 10, 20); err != nil {
		t.Error(err)
	}
	if err := weightsFit(3<<30, 1<<30, 2<<30); err == nil || !strings.Contains(err.Error(), "take 3.00 GiB, but 1.00 GiB of the GPU's 2.00 GiB are free: 2.00 GiB too few") {
		t.Error(err)
	}
}

// TestChoose holds on machines with and without GPUs: none has a thousand.
func TestChoose(t *testing.T) {
	for _, device := range []string{"cuda:1000", "cuda:", "cuda:-1", "cuda:x", "tpu", "", "cpu:0", "auto:1"} {
		f := deviceFlags{device: device}
		if c, err := f.choose(); err == nil || !strings.Contains(err.Error(), "--device") {
			t.Errorf("%q: %v, %v", device, c, err)
		}
	}
	if c, err := (&deviceFlags{device: "cpu"}).choose(); err != nil || c.gpu != -1 {
		t.Errorf("cpu: %v, %v", c, err)
	}
	f := modelFlags{model: "x", kv: "f16", parallel: 1, deviceFlags: deviceFlags{device: "cpu"}}
	for _, share := range []float64{0, -1, 1.5} {
		if f.memory = share; f.check() == nil {
			t.Errorf("--gpu-memory %v is taken", share)
		}
	}
}
