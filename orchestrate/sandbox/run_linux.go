package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// hooked says that Main was called. Without it the launcher would run the whole
// program again, which may then start a sandbox in turn, and so on.
var hooked atomic.Bool

// graceKill is how long a supervisor may take to end the processes below it,
// and the pipes to close, before it is killed itself.
const graceKill = 5 * time.Second

// layers builds a sandbox that executes nothing.
func layers() []string {
	p, err := Policy{Mode: Auto}.complete()
	if err != nil {
		panic(err)
	}
	l := &launch{policy: p, probe: true}
	if err := l.run(context.Background(), nil, nil); err != nil {
		return nil
	}
	return l.out.Layers
}

func run(ctx context.Context, p Policy, argv []string, stdin []byte) (Outcome, error) {
	if p.Mode == Off {
		return runPlain(ctx, p, argv, stdin)
	}
	l := &launch{policy: p}
	err := l.run(ctx, argv, stdin)
	return l.out, err
}

// launch is one run.
type launch struct {
	policy  Policy
	probe   bool
	scratch string
	id      identity
	out     Outcome
}

func (l *launch) run(ctx context.Context, argv []string, stdin []byte) (err error) {
	if !hooked.Load() {
		return ErrUnhooked
	}
	if err := l.folders(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() {
		if cerr := l.cleanup(); err == nil && cerr != nil {
			err = fmt.Errorf("sandbox: %w", cerr)
		}
	}()
	var why []string
	for _, start := range l.starts() {
		err := l.attempt(ctx, start, argv, stdin)
		var notStarted *startError
		if !errors.As(err, &notStarted) {
			var missing *MissingError
			if errors.As(err, &missing) {
				missing.Why = append(why, missing.Why...)
			}
			return err
		}
		why = append(why, notStarted.Error())
	}
	return fmt.Errorf("sandbox: no launcher could be started: %v", why)
}

// startError is a launcher that this system does not let start; another kind may.
type startError struct {
	kind string
	err  error
}

func (e *startError) Error() string { return e.kind + ": " + e.err.Error() }

// folders makes the scratch folder and, unless the caller gave one, the run's.
func (l *launch) folders() (err error) {
	if l.scratch, err = os.MkdirTemp("", "orchrt-sandbox-"); err != nil {
		return err
	}
	if l.scratch, err = filepath.EvalSymlinks(l.scratch); err != nil {
		return err
	}
	own := l.policy.Dir == ""
	if own {
		l.policy.Dir = filepath.Join(l.scratch, "work")
	}
	if err := os.Chmod(l.scratch, 0o711); err != nil {
		return err
	}
	for name, mode := range map[string]os.FileMode{"root": 0o755, "shm": 0o700, "work": 0o700} {
		if err := os.Mkdir(filepath.Join(l.scratch, name), mode); err != nil {
			return err
		}
	}
	if l.id, err = newIdentity(l.policy.Dir, own, l.policy.without); err != nil {
		return err
	}
	return l.id.give(l.policy.Dir, filepath.Join(l.scratch, "shm"))
}

// cleanup removes the scratch folder and gives the caller's folder back.
func (l *launch) cleanup() error {
	if l.scratch == "" {
		return nil
	}
	var err error
	if l.policy.Dir != filepath.Join(l.scratch, "work") {
		err = l.id.takeBack(l.policy.Dir)
	}
	return errors.Join(err, removeAll(l.scratch))
}

// removeAll is os.RemoveAll, also of folders that their owner made unreadable.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// starter is one way to start the launcher, best first.
type starter struct {
	kind   string
	layers []string
	cmd    func(l *launch, s *spec) (*exec.Cmd, error)
}

// starts lists the ways to try.
func (l *launch) starts() []starter {
	var out []starter
	skip := func(layer string) bool { return slices.Contains(l.policy.without, layer) }
	if !skip(LayerUser) {
		ns := []string{LayerUser, LayerPID, LayerIPC}
		if !l.policy.Network {
			ns = append(ns, LayerNet)
		}
		out = append(out, starter{"namespaces", ns, (*launch).namespaced})
	}
	if path, err := exec.LookPath("bwrap"); err == nil && !skip(LayerBwrap) {
		out = append(out, bwrapStarter(path))
	}
	return append(out, starter{"plain", nil, (*launch).unspaced})
}

func launcher(name string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{name}
	return cmd
}

// namespaced starts the supervisor as the first process of its own namespaces.
func (l *launch) namespaced(s *spec) (*exec.Cmd, error) {
	s.Namespaces = true
	cmd := launcher(nameSupervise)
	flags := uintptr(unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP)
	if !l.policy.Network {
		flags |= unix.CLONE_NEWNET
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Setsid: true, Pdeathsig: syscall.SIGKILL}
	l.id.mapInto(cmd.SysProcAttr, s)
	return cmd, nil
}

// unspaced starts the supervisor where the caller itself lives.
func (l *launch) unspaced(s *spec) (*exec.Cmd, error) {
	cmd := launcher(nameSupervise)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	s.UID, s.GID = l.id.outer()
	if s.UID < 0 {
		s.NprocBase = threadsOf(os.Getuid())
	}
	return cmd, nil
}

func (l *launch) spec(argv []string, layers []string) *spec {
	p := l.policy
	return &spec{
		Argv: argv, Env: p.environ(), Dir: p.Dir, Scratch: l.scratch, ReadOnly: p.ReadOnly, Without: p.without,
		Layers: layers, Network: p.Network, Probe: l.probe, Mode: p.Mode, Memory: p.Memory, FileSize: p.FileSize,
		Disk: p.Disk, CPU: int64((p.CPU + time.Second - 1) / time.Second), Processes: p.Processes, Files: p.Files,
		UID: -1, GID: -1,
	}
}

// attempt starts the launcher in one way and sees the run through.
func (l *launch) attempt(ctx context.Context, st starter, argv []string, stdin []byte) error {
	s := l.spec(argv, st.layers)
	cmd, err := st.cmd(l, s)
	if err != nil {
		return &startError{st.kind, err}
	}
	cmd.Env, cmd.Dir = s.Env, "/"
	p, err := newPipes(cmd, s)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer p.closeAll()

	// The parent-death signal follows the thread that starts the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return &startError{st.kind, err}
	}
	p.closeTheirs()

	w := &watcher{pipes: p, cmd: cmd, out: &l.out, limit: l.policy.Output}
	w.start(stdin)
	w.wait(ctx, l.policy.Wall)
	l.out.Wall = time.Since(begin)
	return w.finish(ctx, l, st)
}

// pipes are both ends of what connects a run with its launcher.
type pipes struct {
	theirs                          []*os.File
	stdin                           *os.File
	stdout, stderr, setup, resulted *os.File
	control                         *os.File
}

func newPipes(cmd *exec.Cmd, s *spec) (p *pipes, err error) {
	p = new(pipes)
	defer func() {
		if err != nil {
			p.closeAll()
			p.closeTheirs()
		}
	}()
	mem, err := s.write()
	if err != nil {
		return nil, err
	}
	p.theirs = append(p.theirs, mem)
	pair := func(reads bool) (mine, theirs *os.File) {
		r, w, perr := os.Pipe()
		if perr != nil {
			err = perr
			return nil, nil
		}
		if mine, theirs = w, r; reads {
			mine, theirs = r, w
		}
		p.theirs = append(p.theirs, theirs)
		return mine, theirs
	}
	var in, out, errw, setup, res, ctl *os.File
	p.stdin, in = pair(false)
	p.stdout, out = pair(true)
	p.stderr, errw = pair(true)
	p.setup, setup = pair(true)
	p.resulted, res = pair(true)
	p.control, ctl = pair(false)
	if err != nil {
		return p, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errw
	cmd.ExtraFiles = []*os.File{mem, setup, res, ctl} // fdSpec and on
	return p, nil
}

func (p *pipes) closeTheirs() {
	for _, f := range p.theirs {
		f.Close()
	}
	p.theirs = nil
}

func (p *pipes) closeAll() {
	p.closeTheirs()
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr, p.setup, p.resulted, p.control} {
		f.Close() // nil and closed files refuse
	}
}

// watcher follows a started launcher to its end.
type watcher struct {
	*pipes
	cmd    *exec.Cmd
	out    *Outcome
	limit  int64
	reason Reason
	group  sync.WaitGroup
	flood  chan struct{}

	stdoutC, stderrC capture
	reports          []setupReport
	res              *result
}

// start begins feeding and reading.
func (w *watcher) start(stdin []byte) {
	w.flood = make(chan struct{}, 2)
	w.stdoutC.limit, w.stderrC.limit = w.limit, w.limit
	over := func() { w.flood <- struct{}{} }
	go func() { // ends when the reader does, at the latest when closeAll runs
		io.Copy(w.stdin, bytes.NewReader(stdin))
		w.stdin.Close()
	}()
	w.group.Go(func() { w.stdoutC.drain(w.stdout, w.limit*killAfter, over) })
	w.group.Go(func() { w.stderrC.drain(w.stderr, w.limit*killAfter, over) })
	w.group.Go(func() {
		for d := json.NewDecoder(w.setup); ; {
			var r setupReport
			if d.Decode(&r) != nil {
				return
			}
			w.reports = append(w.reports, r)
		}
	})
	w.group.Go(func() {
		r := new(result)
		if json.NewDecoder(w.resulted).Decode(r) == nil {
			w.res = r
		}
	})
}

// wait returns when the launcher and all that it started are gone.
func (w *watcher) wait(ctx context.Context, wall time.Duration) {
	done := make(chan struct{})
	go func() {
		w.group.Wait() // every writer of every pipe is gone
		close(done)
	}()
	timer := time.NewTimer(wall)
	defer timer.Stop()
	select {
	case <-done:
	case <-ctx.Done():
		w.kill(KilledCancel, done)
	case <-timer.C:
		w.kill(KilledWall, done)
	case <-w.flood:
		w.kill(KilledOutput, done)
	}
	w.control.Close()
	w.cmd.Wait()
}

// kill has the supervisor end everything, and ends the supervisor if it does not.
func (w *watcher) kill(why Reason, done <-chan struct{}) {
	w.reason = why
	w.control.Close()
	select {
	case <-done:
		return
	case <-time.After(graceKill):
	}
	w.cmd.Process.Kill() // and with it its process namespace
	select {
	case <-done:
	case <-time.After(graceKill):
		for _, f := range []*os.File{w.stdout, w.stderr, w.setup, w.resulted} {
			f.SetReadDeadline(time.Now())
		}
		<-done
	}
}

// finish fills the outcome from what the launcher said.
func (w *watcher) finish(ctx context.Context, l *launch, st starter) error {
	out := w.out
	var why []string
	fatal := ""
	for _, r := range w.reports {
		out.Layers = append(out.Layers, r.Layers...)
		why = append(why, r.Why...)
		fatal += r.Fatal
	}
	slices.SortFunc(out.Layers, func(a, b string) int { return slices.Index(layerOrder, a) - slices.Index(layerOrder, b) })
	out.Layers = slices.Compact(out.Layers)
	if fatal != "" && len(out.Layers) == 0 {
		return &startError{st.kind, errors.New(fatal)} // while it was set up
	}
	if missing := l.policy.missing(out.Layers); len(w.reports) > 0 && l.policy.Mode == Required && len(missing) > 0 {
		out.Layers = nil
		return &MissingError{Missing: missing, Why: why}
	}
	switch {
	case len(w.reports) == 0 && w.reason == "":
		return &startError{st.kind, fmt.Errorf("the launcher ended early: %v: %s", w.cmd.ProcessState, w.stderrC.bytes())}
	case fatal != "":
		return fmt.Errorf("sandbox: %s", fatal)
	}
	out.Stdout, out.StdoutCut = w.stdoutC.bytes(), w.stdoutC.cut()
	out.Stderr, out.StderrCut = w.stderrC.bytes(), w.stderrC.cut()
	out.Killed, out.Exit, out.Signal = w.reason, -1, "SIGKILL"
	if r := w.res; r != nil {
		out.CPU, out.Memory = time.Duration(r.CPU), r.Memory
		if w.reason == "" {
			out.Killed, out.Exit, out.Signal = r.Killed, r.Exit, r.Signal
		}
	} else if w.reason == "" && !l.probe {
		return fmt.Errorf("sandbox: the supervisor of %q ended without a result: %v", l.policy.Dir, w.cmd.ProcessState)
	}
	if w.reason == KilledCancel {
		return ctx.Err()
	}
	return nil
}
