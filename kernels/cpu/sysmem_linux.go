package cpu

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// systemMemory returns the memory that this process may still take and all that
// it may have: the machine's, or less where a control group (a container) sets
// a limit. Both are 0 where the system does not tell.
func systemMemory() (free, total int64) { return memoryOf(os.DirFS("/")) }

func memoryOf(root fs.FS) (free, total int64) {
	info := counts(root, "proc/meminfo")
	free, total = info["MemAvailable:"]<<10, info["MemTotal:"]<<10
	if total == 0 {
		return 0, 0
	}
	for _, g := range groupsOf(root) {
		limit, used := g.usage(root)
		total = min(total, limit)
		free = min(free, max(limit-used, 0))
	}
	return free, total
}

// counts reads a file of lines "name number …".
func counts(root fs.FS, name string) map[string]int64 {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	all := make(map[string]int64)
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) >= 2 {
			if n, err := strconv.ParseInt(w[1], 10, 64); err == nil {
				all[w[0]] = n
			}
		}
	}
	return all
}

// group is a control group with the names that its version uses
// (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst).
type group struct {
	dir            string
	limit, current string   // files
	cache          []string // of memory.stat: file pages, which give way to others
}

// groupsOf returns the control groups for memory that this process is in, each
// with its ancestors. In a container the path may be that of the host, of which
// the container sees the end alone: the root of the mount is always asked.
func groupsOf(root fs.FS) []group {
	list, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []group
	for line := range strings.Lines(string(list)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		g := group{"sys/fs/cgroup", "memory.max", "memory.current", []string{"inactive_file", "active_file"}}
		if slices.Contains(strings.Split(part[1], ","), "memory") {
			g = group{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_inactive_file", "total_active_file"}}
		} else if part[1] != "" {
			continue
		}
		mount := g.dir
		for p := path.Clean("/" + part[2]); ; p = path.Dir(p) {
			g.dir = path.Join(mount, p)
			all = append(all, g)
			if p == "/" {
				break
			}
		}
	}
	return all
}

// usage returns the group's limit, the largest number where it has none, and
// what of it is taken and does not give way.
func (g group) usage(root fs.FS) (limit, used int64) {
	limit, ok := number(root, path.Join(g.dir, g.limit))
	if !ok {
		return math.MaxInt64, 0
	}
	used, _ = number(root, path.Join(g.dir, g.current))
	stat := counts(root, path.Join(g.dir, "memory.stat"))
	for _, name := range g.cache {
		used -= stat[name]
	}
	return limit, max(used, 0)
}

// number reads a file that holds one; "max" and a missing file are none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
