package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// The launcher is this program again, started with one of these names. Run
// starts the supervisor, which starts the confined process, which confines
// itself and becomes the program.
const (
	nameSupervise = "orchrt-sandbox-supervise"
	nameConfine   = "orchrt-sandbox-confine"
)

// The descriptors that launcher processes are started with.
const (
	fdSpec    = 3 // a memory file that holds the spec
	fdSetup   = 4 // pipe: setup reports, until the program is executed
	fdResult  = 5 // pipe: the supervisor's result
	fdControl = 6 // pipe: ends when the run is to be killed, or its parent is gone
)

// spec is what the launcher is told.
type spec struct {
	Argv, Env []string
	Dir       string   // the run's folder
	Scratch   string   // a folder with empty folders root and shm in it
	ReadOnly  []string // beside the system's paths
	Without   []string // layers left out
	Layers    []string // layers that are in force already when the launcher starts

	Network   bool
	Probe     bool // set up and report, execute nothing
	Mode      Mode
	Memory    int64
	FileSize  int64
	Disk      int64
	CPU       int64 // seconds
	Processes int
	Files     int

	Namespaces bool // started in namespaces of its own
	Bwrap      bool // started by bubblewrap
	UID, GID   int  // to become before the program is executed, within the user namespace; -1: stay
	NprocBase  int  // processes that count against the limit already
}

func (s *spec) skips(layer string) bool { return slices.Contains(s.Without, layer) }

// setupReport is what the confined process says before it executes the program,
// and after if that failed.
type setupReport struct {
	Layers []string
	Why    []string // why layers are not in force
	Fatal  string   // why the program could not be executed
}

// result is what the supervisor says when the program has ended.
type result struct {
	Exit   int
	Signal string
	Killed Reason
	CPU    int64 // ns
	Memory int64 // bytes
}

// write puts the spec into a memory file.
func (s *spec) write() (*os.File, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("orchrt-sandbox", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "spec")
	if _, err := f.Write(b); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readSpec reads the spec that Run wrote.
func readSpec() (*spec, error) {
	f := os.NewFile(fdSpec, "spec")
	defer f.Close()
	s := new(spec)
	if err := json.NewDecoder(io.NewSectionReader(f, 0, 1<<30)).Decode(s); err != nil {
		return nil, fmt.Errorf("the launcher's instructions: %w", err)
	}
	return s, nil
}

// say writes v as a line of JSON to a descriptor.
func say(fd int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs of strings and numbers
	}
	unix.Write(fd, append(b, '\n'))
}
