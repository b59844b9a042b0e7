package bench

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// Memory is what the process holds, in bytes, as the kernel counts it.
type Memory struct {
	Resident int64 `json:"resident"` // VmRSS: now
	Peak     int64 `json:"peak"`     // VmHWM: the most so far
}

// ReadMemory reads this process's memory; zero where there is no /proc.
func ReadMemory() Memory {
	kb := func(key string) int64 {
		fields := strings.Fields(procField("/proc/self/status", key))
		if len(fields) == 0 {
			return 0
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return 0
		}
		return n << 10
	}
	return Memory{Resident: kb("VmRSS"), Peak: kb("VmHWM")}
}

// ResetPeak makes Peak count from here on, where the kernel can do that.
func ResetPeak() {
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where it fails, Peak counts from the start
}

// CPUName is the processor's name; "" where there is no /proc.
func CPUName() string { return procField("/proc/cpuinfo", "model name") }

// LoadAverage is the mean number of threads that ran or wanted to over the last
// minute: what others leave to a measurement shows here. 0 where there is no
// /proc.
func LoadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}

// procField returns the value of the first line "key: value" of a file.
func procField(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
