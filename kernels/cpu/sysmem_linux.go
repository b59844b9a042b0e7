package cpu

import (
	"bufio"
	"fmt"
	"os"
)

// systemMemory reads MemAvailable and MemTotal; both are 0 where the system
// does not tell.
func systemMemory() (free, total int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var key string
		var kib int64
		if n, _ := fmt.Sscanf(s.Text(), "%s %d", &key, &kib); n != 2 {
			continue
		}
		switch key {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			free = kib << 10
		}
	}
	return free, total
}
