package sandbox

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Main must be the first thing that the program's main function calls (and
// TestMain, in tests that run sandboxes): Run starts this same program again as
// its launcher, and Main then does the launcher's work and does not return.
// Otherwise it returns at once.
func Main() {
	hooked.Store(true)
	if len(os.Args) == 0 {
		return
	}
	name := os.Args[0]
	if len(os.Args) == 2 && os.Args[1] == nameSupervise {
		name = nameSupervise // bubblewrap names the program by its file
	}
	switch name {
	case nameSupervise:
		runtime.LockOSThread() // children get a signal when this thread ends
		supervise()
	case nameConfine:
		runtime.LockOSThread() // what is confined is the thread that executes the program
		confine()
	}
}

// die ends a launcher that cannot go on.
func die(err error) {
	say(fdSetup, setupReport{Fatal: err.Error()})
	os.Exit(1)
}

// watchEvery is how often the supervisor looks at the processes.
const watchEvery = 100 * time.Millisecond

// supervise is the first process of a run: it starts the one that confines
// itself, collects orphans, watches limits that hold for all processes together,
// and ends them all when the program ends or the run is to end.
func supervise() {
	unix.CloseRange(fdControl+1, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	unix.CloseOnExec(fdResult)
	unix.CloseOnExec(fdControl)
	s, err := readSpec()
	if err != nil {
		die(err)
	}
	// Orphans become this process's children, so that none gets out of sight.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		die(err)
	}
	signal.Notify(make(chan os.Signal, 1)) // signals from below end nothing
	tree, err := newTree()
	if err != nil {
		die(err)
	}
	spec, err := s.write()
	if err != nil {
		die(err)
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{nameConfine}, &syscall.ProcAttr{
		Env: s.Env, Files: []uintptr{0, 1, 2, spec.Fd(), fdSetup}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		die(err)
	}
	// Nobody below may read this process's memory or use its descriptors.
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	spec.Close()
	unix.Close(fdSetup)
	for fd := range 3 {
		unix.Close(fd) // the run's pipes must end when the processes below do
	}

	r := follow(s, tree, pid)
	tree.kill()
	say(fdResult, r)
	os.Exit(0)
}

// follow waits for process pid, or for a reason to end it.
func follow(s *spec, tree *tree, pid int) result {
	ended := make(chan result, 1)
	go reap(pid, ended)
	killed := make(chan struct{})
	go func() {
		var b [1]byte
		for {
			if n, err := unix.Read(fdControl, b[:]); err != unix.EINTR && n <= 0 {
				close(killed)
				return
			}
		}
	}()
	watch := newWatch(s, tree)
	timer := time.NewTimer(watchEvery)
	for {
		select {
		case r := <-ended:
			if r.Signal == "SIGXCPU" || r.Signal == "SIGKILL" && r.CPU >= s.CPU*int64(time.Second) {
				r.Killed = KilledCPU
			}
			return r
		case <-killed:
			return result{Exit: -1, Signal: "SIGKILL"}
		case <-timer.C:
			if why := watch.look(); why != "" && !s.skips(LayerWatch) {
				return result{Exit: -1, Signal: "SIGKILL", Killed: why, CPU: int64(watch.cpu), Memory: watch.memory}
			}
			timer.Reset(max(watchEvery, 10*watch.took))
		}
	}
}

// reap collects children, orphans among them, and sends how the program ended.
func reap(pid int, ended chan<- result) {
	for {
		var ws syscall.WaitStatus
		var ru syscall.Rusage
		got, err := syscall.Wait4(-1, &ws, 0, &ru)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if got != pid {
			continue
		}
		var all syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_CHILDREN, &all)
		r := result{Exit: ws.ExitStatus(), CPU: all.Utime.Nano() + all.Stime.Nano(), Memory: all.Maxrss << 10}
		if ws.Signaled() {
			r.Signal = unix.SignalName(ws.Signal())
		}
		ended <- r
	}
}
