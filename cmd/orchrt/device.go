package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/cuda"
)

// deviceFlags are the flags that choose a device.
type deviceFlags struct {
	device  string
	threads int
	isa     string
}

// add declares the flags.
func (f *deviceFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.device, "device", "auto", "auto, cpu, cuda or cuda:N; auto is a GPU where there is one")
	fs.IntVarP(&f.threads, "threads", "t", 0, "threads of the CPU device; 0 is one for each core")
	fs.StringVar(&f.isa, "isa", "", "instruction set of the CPU device, here "+strings.Join(cpu.ISAs(), ", ")+"; the default is the first")
}

// check reports a device that this build or this machine does not have.
func (f *deviceFlags) check() error {
	switch {
	case f.threads < 0 || f.threads > 1024:
		return fmt.Errorf("--threads is %d, want 0 to 1024", f.threads)
	case f.isa != "" && !slices.Contains(cpu.ISAs(), f.isa):
		return fmt.Errorf("--isa is %q, this machine has %s", f.isa, strings.Join(cpu.ISAs(), ", "))
	}
	_, err := f.choose()
	return err
}

// choice is a device and the reason for it.
type choice struct {
	gpu  int      // number of the GPU, -1: the CPU
	info gpu.Info // of the GPU
	why  string
}

// String names the device and the reason.
func (c choice) String() string {
	if c.gpu < 0 {
		return fmt.Sprintf("the CPU: %s", c.why)
	}
	return fmt.Sprintf("GPU %d, %s (compute capability %d.%d, %s): %s", c.gpu, c.info.Name, c.info.Major, c.info.Minor, c.info.DriverVersion, c.why)
}

// choose finds the device that --device names.
func (f *deviceFlags) choose() (choice, error) {
	name, number, numbered := strings.Cut(f.device, ":")
	ordinal, err := 0, error(nil)
	if numbered {
		ordinal, err = strconv.Atoi(number)
	}
	switch {
	case f.device == "cpu":
		return choice{gpu: -1, why: "--device cpu"}, nil
	case f.device == "auto":
		return chooseAuto(cuda.Devices()), nil
	case name == "cuda" && err == nil && ordinal >= 0:
		return f.chooseGPU(ordinal)
	}
	return choice{}, fmt.Errorf("--device is %q, want auto, cpu, cuda or cuda:N", f.device)
}

// chooseAuto takes the first GPU that the kernels run on.
func chooseAuto(infos []gpu.Info, err error) choice {
	if err != nil {
		return choice{gpu: -1, why: err.Error()}
	}
	for i, info := range infos {
		if err = cuda.Usable(info); err == nil {
			return choice{gpu: i, info: info, why: fmt.Sprintf("the first of %d that the kernels run on; --device chooses", len(infos))}
		}
	}
	return choice{gpu: -1, why: err.Error()}
}

// chooseGPU is GPU number ordinal.
func (f *deviceFlags) chooseGPU(ordinal int) (choice, error) {
	infos, err := cuda.Devices()
	switch {
	case errors.Is(err, cuda.ErrNotBuilt):
		return choice{}, fmt.Errorf("--device %s: this build has no CUDA; make cuda builds one, --device cpu works here", f.device)
	case err != nil:
		return choice{}, fmt.Errorf("--device %s: %w; nvidia-smi shows whether driver and GPU are there, containers need them passed in "+
			"(docker run --gpus all); --device cpu works here", f.device, err)
	case ordinal >= len(infos):
		return choice{}, fmt.Errorf("--device %s: this machine has %d GPUs, from cuda:0 on", f.device, len(infos))
	}
	if err := cuda.Usable(infos[ordinal]); err != nil {
		return choice{}, fmt.Errorf("--device %s: %w; --device cpu works here", f.device, err)
	}
	return choice{gpu: ordinal, info: infos[ordinal], why: "--device " + f.device}, nil
}

// open opens the device; exact keeps activations and products in float32, which only
// the CPU does. A build with CUDA says which device --device auto chose.
func (f *deviceFlags) open(exact bool) (kernels.Device, error) {
	c, err := f.choose()
	if err != nil {
		return nil, err
	}
	if exact && c.gpu >= 0 {
		if f.device != "auto" {
			return nil, fmt.Errorf("--exact and --device %s: only the CPU computes exactly", f.device)
		}
		c = choice{gpu: -1, why: "--exact"}
	}
	if f.device == "auto" && cuda.Built {
		fmt.Fprintf(os.Stderr, "orchrt: using %v\n", c)
	}
	if c.gpu < 0 {
		return cpu.New(cpu.Options{Threads: f.threads, ISA: f.isa, Exact: exact})
	}
	drv, err := cuda.Open(c.gpu)
	if err != nil {
		return nil, err
	}
	return newGPU(drv)
}

// cacheNamed is the type of the KV cache that a name means, if the device has it.
func (f *deviceFlags) cacheNamed(name string) (kernels.CacheType, error) {
	switch name {
	case "f16":
		return kernels.CacheF16, nil
	case "f32":
		return kernels.CacheF32, nil
	case "q8":
		return kernels.CacheQ8, nil
	case "fp8":
		if c, err := f.choose(); err == nil && c.gpu < 0 {
			return 0, fmt.Errorf("--kv fp8 needs a CUDA device; on the CPU q8 takes the same memory")
		}
		return kernels.CacheFP8, nil
	}
	return 0, fmt.Errorf("--kv is %q, want f16, q8, f32 or fp8", name)
}

// newGPU makes a device of a driver, or closes it.
func newGPU(drv gpu.Driver) (kernels.Device, error) {
	d, err := gpu.New(drv)
	if err != nil {
		return nil, errors.Join(err, drv.Close())
	}
	return d, nil
}

// onGPU says whether a device has memory of its own.
func onGPU(dev kernels.Device) (*gpu.Device, bool) {
	d, ok := dev.(*gpu.Device)
	return d, ok
}
