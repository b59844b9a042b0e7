//go:build cuda

package cuda

// #include "libcuda/libcuda.h"
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gorgonia.org/cu"

	"orchrt/kernels/gpu"
)

// minMajor is the compute capability that the kernels need.
const minMajor = 8

// maxSharedPerBlock is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which cu lacks.
const maxSharedPerBlock = cu.DeviceAttribute(97)

// Devices describes the GPUs of this machine; the error says why there are none.
func Devices() ([]gpu.Info, error) {
	if why := C.GoString(C.ort_cuda_status()); why != "" {
		return nil, errors.New(why)
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, newError("counting the GPUs", code(err))
	}
	if n == 0 {
		return nil, errors.New("the NVIDIA driver shows no GPU (see CUDA_VISIBLE_DEVICES)")
	}
	infos := make([]gpu.Info, n)
	var version string
	for i := range infos {
		var dev cu.Device
		if infos[i], dev, err = describe(i); err != nil {
			return nil, err
		}
		if i == 0 {
			version = driverVersion(moduleVersion(dev))
		}
		infos[i].DriverVersion = version
	}
	return infos, nil
}

// moduleVersion is the version of the kernel's module. NVML, which knows it too, takes a while to start.
func moduleVersion(dev cu.Device) string {
	if b, err := os.ReadFile("/sys/module/nvidia/version"); err == nil {
		return strings.TrimSpace(string(b))
	}
	clocks := readClocks(dev)
	return C.GoString(&clocks.driver[0])
}

// describe asks for what gpu.Info holds, apart from the version of the driver.
func describe(ordinal int) (info gpu.Info, dev cu.Device, err error) {
	if dev, err = cu.GetDevice(ordinal); err == nil {
		info.Name, err = dev.Name()
	}
	if err != nil {
		return info, dev, newError(fmt.Sprintf("describing GPU %d", ordinal), code(err))
	}
	var l2, clock, memory int
	for _, a := range []struct {
		attr cu.DeviceAttribute
		to   *int
	}{
		{cu.ComputeCapabilityMajor, &info.Major}, {cu.ComputeCapabilityMinor, &info.Minor}, {cu.MultiprocessorCount, &info.SMs},
		{maxSharedPerBlock, &info.SharedPerBlock}, {cu.MaxSharedMemoryPerMultiprocessor, &info.SharedPerSM}, {cu.L2CacheSize, &l2},
		{cu.ClockRate, &clock}, {cu.MemoryClockRate, &memory}, {cu.GlobalMemoryBusWidth, &info.BusBits},
	} {
		if *a.to, err = dev.Attribute(a.attr); err != nil {
			return info, dev, newError(fmt.Sprintf("describing GPU %d", ordinal), code(err))
		}
	}
	info.L2, info.ClockMHz, info.MemoryMHz = int64(l2), clock/1000, memory/1000
	return info, dev, nil
}

// readClocks asks NVML about a device; all is zero where there is none.
func readClocks(dev cu.Device) (c C.ort_cuda_clocks) {
	var at [3]int
	for i, a := range []cu.DeviceAttribute{cu.PciDomainID, cu.PciBusID, cu.PciDeviceID} {
		v, err := dev.Attribute(a)
		if err != nil {
			return c
		}
		at[i] = v
	}
	C.ort_cuda_read_clocks(C.uint(at[0]), C.uint(at[1]), C.uint(at[2]), &c)
	return c
}

// Usable says why the kernels do not run on a GPU.
func Usable(info gpu.Info) error {
	if info.Major < minMajor {
		return fmt.Errorf("%s has compute capability %d.%d, the kernels need %d.0 or more", info.Name, info.Major, info.Minor, minMajor)
	}
	return nil
}

// driverVersion joins the driver's own version, if it is known, and the newest
// CUDA that the driver knows.
func driverVersion(nvidia string) string {
	v := cu.Version()
	s := fmt.Sprintf("CUDA %d.%d", v/1000, v%1000/10)
	if nvidia != "" {
		s = nvidia + ", " + s
	}
	return s
}
