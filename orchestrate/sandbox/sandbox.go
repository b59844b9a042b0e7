package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Mode says how much confinement a run must have.
type Mode int

// The zero Mode is the strict one.
const (
	Required Mode = iota // refuse to run if a layer that the policy needs is missing
	Auto                 // use the layers that this kernel has, and report them
	Off                  // no confinement: own folder, scrubbed environment, time and output limits only
)

var modeNames = []string{"required", "auto", "off"}

// String is the mode's name in configurations: required, auto, off.
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return fmt.Sprintf("Mode(%d)", int(m))
	}
	return modeNames[m]
}

// MarshalText is String.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads required, auto or off.
func (m *Mode) UnmarshalText(b []byte) error {
	i := slices.Index(modeNames, string(b))
	if i < 0 {
		return fmt.Errorf("sandbox mode %q: must be one of %s", b, strings.Join(modeNames, ", "))
	}
	*m = Mode(i)
	return nil
}

// Policy says what a run may do. The zero value of a limit takes its default.
type Policy struct {
	Mode Mode

	// Dir is the one folder that the run may write: its HOME, TMPDIR and working
	// folder. Empty: a new one, removed when the run is over. A folder of the
	// caller's stays; what the run wrote there is bounded by Disk.
	Dir string

	// ReadOnly are absolute paths that may be read and executed beside the
	// system's own (/usr, /lib, /bin, parts of /etc …).
	ReadOnly []string

	// Env are NAME=value pairs added to the scrubbed environment. The caller
	// vouches for them: the code in the sandbox reads them all.
	Env []string

	// Network leaves the host's network open, loopback and private addresses
	// included. Otherwise there is none, not even loopback.
	Network bool

	Memory    int64         // bytes, of all processes together; default 1 GiB, at least 32 MiB
	FileSize  int64         // bytes of one file; default 256 MiB
	Disk      int64         // bytes in Dir, as watched several times a second; default 1 GiB
	Output    int64         // bytes kept of stdout, and of stderr; default 1 MiB; a run that writes 64 times as much is killed
	CPU       time.Duration // of all processes together; default 60 s, at least 1 s
	Wall      time.Duration // default 60 s
	Processes int           // processes and threads; default 64
	Files     int           // open file descriptors per process; default 1024

	without []string // layers left out, so that tests see the others alone
}

// Reason says why a run was ended from outside.
type Reason string

// The reasons. An empty Reason means that the program ended by itself.
const (
	KilledWall      Reason = "wall-clock limit"
	KilledCPU       Reason = "CPU limit"
	KilledMemory    Reason = "memory limit"
	KilledOutput    Reason = "output limit"
	KilledDisk      Reason = "disk limit"
	KilledProcesses Reason = "process limit"
	KilledCancel    Reason = "cancelled"
)

// Outcome is how a run went.
type Outcome struct {
	// Stdout and Stderr are what the program wrote: all of it, or the beginning
	// and the end of it around a line that says how many bytes are cut.
	Stdout, Stderr       []byte
	StdoutCut, StderrCut int64 // bytes cut

	Exit   int    // exit status; -1 if a signal ended the program
	Signal string // SIGKILL, SIGSEGV …; empty if the program exited
	Killed Reason // why the sandbox ended the run; empty if it did not

	Layers []string // layers in force, in the order of Layers

	Wall   time.Duration // from start to end
	CPU    time.Duration // user and system time of the processes, as far as they were waited for
	Memory int64         // peak resident bytes of the largest process
}

// The names of the layers. What each stops is said in the package comment.
const (
	LayerUser     = "user-namespace"
	LayerPID      = "pid-namespace"
	LayerNet      = "net-namespace"
	LayerIPC      = "ipc-namespace"
	LayerMount    = "mount-namespace"
	LayerRlimits  = "rlimits"
	LayerWatch    = "watch"
	LayerUID      = "own-uid"
	LayerNoPrivs  = "no-new-privs"
	LayerLandlock = "landlock"
	LayerLockNet  = "landlock-net"
	LayerScope    = "landlock-scope"
	LayerSeccomp  = "seccomp"
	LayerBwrap    = "bubblewrap"
)

var layerOrder = []string{
	LayerUser, LayerPID, LayerNet, LayerIPC, LayerMount, LayerBwrap, LayerRlimits, LayerWatch,
	LayerUID, LayerNoPrivs, LayerLandlock, LayerLockNet, LayerScope, LayerSeccomp,
}

// ErrUnhooked means that the program's main function does not call Main.
var ErrUnhooked = errors.New("sandbox: the main function must call sandbox.Main before anything else")

// Run runs argv confined by p, with stdin as its standard input, and returns
// when the program and everything that it started is gone. argv[0] is a path, or
// a name looked up in the sandbox's PATH.
//
// A program that fails, or is killed by a limit, is an Outcome without an error.
// An error means that it never ran (a *MissingError where p needs a layer that
// is not there), or that ctx was cancelled: then the error is ctx's, beside the
// Outcome so far.
func Run(ctx context.Context, p Policy, argv []string, stdin []byte) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	p, err := p.complete()
	if err != nil {
		return Outcome{}, err
	}
	if len(argv) == 0 || argv[0] == "" {
		return Outcome{}, errors.New("sandbox: no program to run: argv is empty")
	}
	for _, s := range slices.Concat(argv, p.Env, p.ReadOnly) {
		if strings.ContainsRune(s, 0) {
			return Outcome{}, fmt.Errorf("sandbox: %q holds a NUL byte, which no argument may", s)
		}
	}
	return run(ctx, p, argv, stdin)
}

// Layers returns the names of the layers that this machine offers to this
// process, found by building a sandbox and running nothing in it.
func Layers() []string { return layers() }

// MissingError says which layers a Required policy needs and does not have.
type MissingError struct {
	Missing []string // each the name of a layer, or of several of which one is needed
	Why     []string // what the system said, as far as it said anything
}

func (e *MissingError) Error() string {
	s := "sandbox: required, but this system lacks " + strings.Join(e.Missing, " and ")
	if len(e.Why) > 0 {
		s += " (" + strings.Join(e.Why, "; ") + ")"
	}
	return s + ": nothing was run; set the mode to auto to run with the layers there are"
}

// needs lists, for a Required policy, the layers of which at least one per entry
// must be in force.
func (p Policy) needs() [][]string {
	return [][]string{
		{LayerRlimits},
		{LayerNoPrivs},
		{LayerSeccomp}, // also what closes the network where there is no namespace
		{LayerLandlock, LayerMount, LayerBwrap},
	}
}

// missing returns what needs are not met by the layers in force.
func (p Policy) missing(force []string) []string {
	var out []string
	for _, any := range p.needs() {
		if !slices.ContainsFunc(any, func(l string) bool { return slices.Contains(force, l) }) {
			out = append(out, strings.Join(any, " or "))
		}
	}
	return out
}

const (
	minMemory = 32 << 20
	killAfter = 64 // times Output that a stream may write before the run is killed
)

// complete fills defaults and checks what the caller gave.
func (p Policy) complete() (Policy, error) {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&p.Memory, 1<<30)
	def(&p.FileSize, 256<<20)
	def(&p.Disk, 1<<30)
	def(&p.Output, 1<<20)
	def((*int64)(&p.CPU), int64(time.Minute))
	def((*int64)(&p.Wall), int64(time.Minute))
	if p.Processes == 0 {
		p.Processes = 64
	}
	if p.Files == 0 {
		p.Files = 1024
	}
	switch {
	case p.Mode < Required || p.Mode > Off:
		return p, fmt.Errorf("sandbox: unknown mode %d", int(p.Mode))
	case p.Memory < minMemory:
		return p, fmt.Errorf("sandbox: a memory limit of %d bytes is below %d, with which no interpreter starts", p.Memory, minMemory)
	case p.CPU < time.Second:
		return p, fmt.Errorf("sandbox: a CPU limit of %v is below 1s", p.CPU)
	case p.FileSize < 0 || p.Disk < 0 || p.Output < 0 || p.Wall < 0 || p.Processes < 1 || p.Files < 16:
		return p, errors.New("sandbox: a limit is negative, or allows no process, or fewer than 16 open files")
	}
	for _, e := range p.Env {
		if i := strings.IndexByte(e, '='); i < 1 {
			return p, fmt.Errorf("sandbox: environment entry %q must read NAME=value", e)
		}
	}
	for _, f := range p.ReadOnly {
		if !filepath.IsAbs(f) {
			return p, fmt.Errorf("sandbox: read-only path %q must be absolute", f)
		}
		if filepath.Clean(f) == "/" {
			return p, errors.New("sandbox: a read-only path / would show every file of this machine: name the folders that are needed")
		}
		if _, err := os.Stat(f); err != nil {
			return p, fmt.Errorf("sandbox: read-only path: %w", err)
		}
	}
	if p.Dir == "" {
		return p, nil
	}
	dir, err := filepath.Abs(p.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return p, fmt.Errorf("sandbox: folder %s: %w", p.Dir, err)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return p, fmt.Errorf("sandbox: %s is not a folder", p.Dir)
	}
	if dir == "/" {
		return p, errors.New("sandbox: the run's own folder must not be /")
	}
	p.Dir = dir
	return p, nil
}

// sandboxPath is PATH within the sandbox.
const sandboxPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

// environ is the environment within the sandbox: nothing of the caller's own.
func (p Policy) environ() []string {
	return append([]string{
		"PATH=" + sandboxPath,
		"LANG=C.UTF-8",
		"HOME=" + p.Dir,
		"TMPDIR=" + p.Dir,
		"PWD=" + p.Dir,
		"USER=sandbox",
		"LOGNAME=sandbox",
	}, p.Env...)
}
