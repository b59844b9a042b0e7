package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confiner takes away this thread's powers, one layer after the other.
type confiner struct {
	*spec
	report setupReport
	parent int // the supervisor
}

// confine is the process that becomes the program.
func confine() {
	unix.CloseOnExec(fdSetup)
	s, err := readSpec()
	if err != nil {
		die(err)
	}
	unix.CloseRange(fdSetup, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	if err := closeOnExec(); err != nil {
		die(err)
	}
	c := &confiner{spec: s, parent: os.Getppid()}
	c.report.Layers = append(c.report.Layers, s.Layers...)
	if !s.skips(LayerWatch) {
		c.report.Layers = append(c.report.Layers, LayerWatch)
	}
	if err := c.confine(); err != nil {
		die(err)
	}
	// From here on only what the filter allows: report, and execute.
	p := Policy{Mode: s.Mode}
	path, perr := c.program()
	say(fdSetup, c.report)
	if s.Probe || s.Mode == Required && len(p.missing(c.report.Layers)) > 0 {
		os.Exit(0)
	}
	if perr != nil {
		die(perr)
	}
	if c.has(LayerRlimits) {
		err = c.execLimited(path)
	} else {
		err = syscall.Exec(path, s.Argv, s.Env)
	}
	die(fmt.Errorf("executing %s as the sandbox's user %d: %w (what it needs outside the system's folders must be listed as read-only)",
		path, os.Getuid(), err))
}

// layer notes that a layer is in force, or why not.
func (c *confiner) layer(name string, err error) {
	if err != nil {
		c.report.Why = append(c.report.Why, name+": "+err.Error())
		return
	}
	c.report.Layers = append(c.report.Layers, name)
}

func (c *confiner) has(name string) bool {
	for _, l := range c.report.Layers {
		if l == name {
			return true
		}
	}
	return false
}

// confine applies the layers in an order in which each still may be applied. An
// error means that the process is in a state in which nothing may be run.
func (c *confiner) confine() error {
	if c.Namespaces && !c.skips(LayerMount) {
		err := c.newRoot()
		if errors.Is(err, errHalfway) {
			return err
		}
		c.layer(LayerMount, err)
	}
	if err := os.Chdir(c.Dir); err != nil {
		return fmt.Errorf("the run's folder: %w", err)
	}
	if err := c.dropUser(); err != nil {
		return err
	}
	// Cleared by the change of user, so not earlier.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("PR_SET_PDEATHSIG: %w", err)
	}
	if os.Getppid() != c.parent {
		return errors.New("the supervisor is gone")
	}
	if !c.skips(LayerNoPrivs) {
		c.layer(LayerNoPrivs, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	}
	if !c.skips(LayerRlimits) {
		c.layer(LayerRlimits, c.rlimits())
	}
	if !c.skips(LayerLandlock) {
		c.landlock()
	}
	if !c.skips(LayerSeccomp) {
		c.layer(LayerSeccomp, c.seccomp())
	}
	return nil
}

// dropUser becomes the run's own user, if there is one, and gives up every
// capability, also those that executing a file could bring back.
func (c *confiner) dropUser() error {
	unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	for n := uintptr(0); n <= unix.CAP_LAST_CAP; n++ {
		unix.Prctl(unix.PR_CAPBSET_DROP, n, 0, 0, 0) // needs CAP_SETPCAP; no-new-privs holds without
	}
	if c.UID >= 0 {
		// Raw calls: those of package syscall change all threads, and only this one stays.
		if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); e != 0 {
			return fmt.Errorf("setgroups: %w", e)
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(c.GID), uintptr(c.GID), uintptr(c.GID)); e != 0 {
			return fmt.Errorf("setresgid %d: %w", c.GID, e)
		}
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(c.UID), uintptr(c.UID), uintptr(c.UID)); e != 0 {
			return fmt.Errorf("setresuid %d: %w", c.UID, e)
		}
		c.layer(LayerUID, nil)
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&hdr, &none[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

// rlimits sets what the kernel counts per process or per user.
func (c *confiner) rlimits() error {
	nproc := uint64(c.NprocBase + c.Processes)
	for _, l := range []struct {
		what       int
		soft, hard uint64
	}{
		{unix.RLIMIT_CORE, 0, 0},
		{unix.RLIMIT_CPU, uint64(c.CPU), uint64(c.CPU) + 1},
		{unix.RLIMIT_FSIZE, uint64(c.FileSize), uint64(c.FileSize)},
		{unix.RLIMIT_NPROC, nproc, nproc},
		{unix.RLIMIT_MEMLOCK, 1 << 20, 1 << 20},
		{unix.RLIMIT_MSGQUEUE, 0, 0},
		{unix.RLIMIT_NOFILE, uint64(c.Files), uint64(c.Files)},
	} {
		var old unix.Rlimit
		if err := unix.Getrlimit(l.what, &old); err != nil {
			return fmt.Errorf("getrlimit %d: %w", l.what, err)
		}
		r := unix.Rlimit{Cur: min(l.soft, old.Max), Max: min(l.hard, old.Max)}
		// Through package syscall, which else restores the number of files when it executes.
		if err := syscall.Setrlimit(l.what, (*syscall.Rlimit)(&r)); err != nil {
			return fmt.Errorf("setrlimit %d: %w", l.what, err)
		}
	}
	return nil
}

// execLimited limits private writable memory and executes the program. RLIMIT_AS would
// count what runtimes only reserve. This process may have more memory already, so that
// its runtime gets no more, for a thread or anything else, once the limit is there:
// nothing is left to it between the two calls, which are raw ones.
func (c *confiner) execLimited(path string) error {
	debug.SetGCPercent(-1)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_DATA, &old); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	most := min(uint64(c.Memory), old.Max)
	limit := &unix.Rlimit{Cur: most, Max: most}
	name, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(c.Argv)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(c.Env)
	if err != nil {
		return err
	}
	runtime.GC() // none will run from here on
	_, _, e := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_DATA, uintptr(unsafe.Pointer(limit)), 0, 0, 0)
	if e == 0 {
		_, _, e = unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	}
	return e
}

// program finds the program's file.
func (c *confiner) program() (string, error) {
	if c.Probe {
		return "", nil
	}
	name := c.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range strings.Split(sandboxPath, ":") {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no program %q in the sandbox's PATH, %s", name, sandboxPath)
}

// closeOnExec makes sure that close_range worked, and does its work where the
// kernel is older (before 5.11).
func closeOnExec() error {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("the open descriptors: %w", err)
	}
	for _, e := range fds {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
