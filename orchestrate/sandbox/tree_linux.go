package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tree is the processes below this one. It works on a descriptor of /proc,
// opened before the root changes, and so on the numbers that this /proc shows.
type tree struct {
	proc *os.File
	self int // this process's number there
	pids bool
}

func newTree() (*tree, error) {
	f, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("the sandbox's supervisor needs /proc: %w", err)
	}
	link, err := os.Readlink("/proc/self")
	if err != nil {
		return nil, err
	}
	self, err := strconv.Atoi(link)
	if err != nil {
		return nil, fmt.Errorf("/proc/self is %q", link)
	}
	return &tree{proc: f, self: self, pids: os.Getpid() == 1}, nil
}

// read returns the start of a file below /proc.
func (t *tree) read(name string) []byte {
	fd, err := unix.Openat(int(t.proc.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// process is a line of /proc/PID/stat (proc_pid_stat(5)), as far as it is used.
type process struct {
	pid, parent, threads int
	state                byte
	cpu                  time.Duration // its own and of children it waited for
	resident             int64         // bytes
}

// parseStat reads a stat file. The command's name in it may hold anything.
func parseStat(b []byte) (p process, ok bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return p, false
	}
	f := strings.Fields(string(b[end+1:]))
	if len(f) < 22 {
		return p, false
	}
	p.pid, _ = strconv.Atoi(strings.TrimSpace(string(b[:open])))
	p.state = f[0][0]
	p.parent, _ = strconv.Atoi(f[1])
	p.threads, _ = strconv.Atoi(f[17])
	ticks := 0
	for _, s := range f[11:15] {
		n, _ := strconv.Atoi(s)
		ticks += n
	}
	pages, _ := strconv.ParseInt(f[21], 10, 64)
	p.cpu = time.Duration(ticks) * time.Second / 100 // USER_HZ
	p.resident = pages * int64(os.Getpagesize())
	return p, true
}

// all lists every process that this /proc shows.
func (t *tree) all() []process {
	if _, err := t.proc.Seek(0, io.SeekStart); err != nil {
		return nil
	}
	names, _ := t.proc.Readdirnames(-1)
	var out []process
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		if p, ok := parseStat(t.read(name + "/stat")); ok {
			out = append(out, p)
		}
	}
	return out
}

// below lists the processes that descend from this one.
func (t *tree) below() []process {
	children := make(map[int][]process)
	for _, p := range t.all() {
		children[p.parent] = append(children[p.parent], p)
	}
	out := append([]process(nil), children[t.self]...)
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].pid]...)
	}
	return out
}

// kill ends every process below this one. Within a process namespace that is
// the same as all there are.
func (t *tree) kill() {
	if t.pids {
		syscall.Kill(-1, syscall.SIGKILL)
		return // the rest goes with this process
	}
	// Stopped first, a process can start no other while its turn comes.
	for seen := -1; ; {
		procs := t.below()
		for _, p := range procs {
			syscall.Kill(p.pid, syscall.SIGSTOP)
		}
		if len(procs) == seen {
			break
		}
		seen = len(procs)
	}
	for {
		alive := 0
		for _, p := range t.below() {
			if p.state != 'Z' {
				alive++
				syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		if alive == 0 {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// threadsOf counts the threads that a user has.
func threadsOf(uid int) int {
	t, err := newTree()
	if err != nil {
		return 0
	}
	defer t.proc.Close()
	n := 0
	for _, p := range t.all() {
		if st, err := os.Stat("/proc/" + strconv.Itoa(p.pid)); err == nil && st.Sys().(*syscall.Stat_t).Uid == uint32(uid) {
			n += p.threads
		}
	}
	return n
}

// watch holds the limits that no kernel limit holds for processes together.
type watch struct {
	s      *spec
	tree   *tree
	disk   *os.Root
	cpu    time.Duration
	memory int64
	took   time.Duration // by the last look
}

func newWatch(s *spec, t *tree) *watch {
	w := &watch{s: s, tree: t}
	w.disk, _ = os.OpenRoot(s.Dir)
	return w
}

// look returns the limit that is exceeded, or nothing.
func (w *watch) look() Reason {
	begin := time.Now()
	defer func() { w.took = time.Since(begin) }()
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_CHILDREN, &ru)
	w.cpu = time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	procs := w.tree.below()
	threads, resident := 0, int64(0)
	for _, p := range procs {
		w.cpu += p.cpu
		threads += p.threads
		resident += p.resident
	}
	if resident > w.s.Memory {
		resident = w.proportional(procs)
	}
	w.memory = max(w.memory, resident)
	switch {
	case resident > w.s.Memory:
		return KilledMemory
	case w.cpu > time.Duration(w.s.CPU)*time.Second:
		return KilledCPU
	case threads > w.s.Processes+runtimeThreads:
		return KilledProcesses
	case w.diskUsed() > w.s.Disk:
		return KilledDisk
	}
	return ""
}

// runtimeThreads are the launcher's own, before it executes the program.
const runtimeThreads = 16

// proportional adds up resident memory with shared pages counted once, which is
// slower than counting them for each process.
func (w *watch) proportional(procs []process) int64 {
	sum := int64(0)
	for _, p := range procs {
		text := w.tree.read(strconv.Itoa(p.pid) + "/smaps_rollup")
		kb := int64(-1)
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kb, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			}
		}
		if kb < 0 {
			sum += p.resident
			continue
		}
		sum += kb << 10
	}
	return sum
}

// maxEntries bounds the files that a run may make, so that looking stays cheap.
const maxEntries = 100_000

// diskUsed returns the bytes that the run's folder takes.
func (w *watch) diskUsed() int64 {
	if w.disk == nil {
		return 0
	}
	var sum int64
	entries := 0
	fs.WalkDir(w.disk.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile, or closed to us
		}
		if entries++; entries > maxEntries {
			sum = w.s.Disk + 1
			return filepath.SkipAll
		}
		if st, err := d.Info(); err == nil {
			sum += st.Sys().(*syscall.Stat_t).Blocks * 512
		}
		if sum > w.s.Disk {
			return filepath.SkipAll
		}
		return nil
	})
	return sum
}
