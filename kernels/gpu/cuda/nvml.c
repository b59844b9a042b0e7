//go:build cuda

// The few facts of NVML, which comes with the driver and is loaded for the
// question only. The declarations are those of nvml.h, which toolkits may lack.

#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { clock_sm = 1, clock_memory = 2, temperature_gpu = 0 };

typedef struct nvml_device *nvml_device;

#define FIND(name, ...) int (*name)(__VA_ARGS__) = (int (*)(__VA_ARGS__))dlsym(library, "nvml" #name)

static int ask(void *library, const char *pci, ort_cuda_clocks *out) {
	FIND(SystemGetDriverVersion, char *, unsigned);
	FIND(DeviceGetHandleByPciBusId_v2, const char *, nvml_device *);
	FIND(DeviceGetClockInfo, nvml_device, int, unsigned *);
	FIND(DeviceGetPowerUsage, nvml_device, unsigned *);
	FIND(DeviceGetTemperature, nvml_device, int, unsigned *);
	nvml_device dev;
	if (SystemGetDriverVersion)
		SystemGetDriverVersion(out->driver, sizeof out->driver);
	if (!DeviceGetHandleByPciBusId_v2 || DeviceGetHandleByPciBusId_v2(pci, &dev) != 0)
		return 0;
	if (DeviceGetClockInfo) {
		DeviceGetClockInfo(dev, clock_sm, &out->sm_mhz);
		DeviceGetClockInfo(dev, clock_memory, &out->memory_mhz);
	}
	if (DeviceGetPowerUsage)
		DeviceGetPowerUsage(dev, &out->power_mw);
	if (DeviceGetTemperature)
		DeviceGetTemperature(dev, temperature_gpu, &out->celsius);
	return 1;
}

int ort_cuda_read_clocks(unsigned domain, unsigned bus, unsigned device, ort_cuda_clocks *out) {
	char pci[32];
	int ok = 0;
	memset(out, 0, sizeof *out);
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return 0;
	FIND(Init_v2, void);
	FIND(Shutdown, void);
	snprintf(pci, sizeof pci, "%08x:%02x:%02x.0", domain, bus, device);
	if (Init_v2 && Init_v2() == 0) {
		ok = ask(library, pci, out);
		if (Shutdown)
			Shutdown();
	}
	dlclose(library);
	return ok;
}
