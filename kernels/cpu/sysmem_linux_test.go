package cpu

import (
	"testing"
	"testing/fstest"
)

func TestMemoryOfControlGroups(t *testing.T) {
	meminfo := "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    800 kB\nHugePages_Total:       0\n"
	for _, tt := range []struct {
		name        string
		files       map[string]string
		free, total int64
	}{
		{"no files", nil, 0, 0},
		{"no groups", map[string]string{"proc/meminfo": meminfo}, 800 << 10, 1000 << 10},
		{"no limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 800 << 10, 1000 << 10},
		{"version 2, a limit above and file pages that give way", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "500000\n", "sys/fs/cgroup/a/memory.current": "400000\n",
			"sys/fs/cgroup/a/memory.stat":  "anon 100000\ninactive_file 200000\nactive_file 50000\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n"}, 350000, 500000},
		{"version 2 in a container that sees its own root", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../host/x\n",
			"sys/fs/cgroup/memory.max": "300000\n", "sys/fs/cgroup/memory.current": "310000\n"}, 0, 300000},
		{"version 1 beside other controllers", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "600000\n", "sys/fs/cgroup/memory/x/memory.usage_in_bytes": "100000\n",
			"sys/fs/cgroup/memory/x/memory.stat":         "cache 1\ntotal_inactive_file 20000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 520000, 600000},
	} {
		root := fstest.MapFS{}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if free, total := memoryOf(root); free != tt.free || total != tt.total {
			t.Errorf("%s: %d of %d bytes free, want %d of %d", tt.name, free, total, tt.free, tt.total)
		}
	}
}
