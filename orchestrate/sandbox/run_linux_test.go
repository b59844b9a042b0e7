package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOutcome(t *testing.T) {
	p := Policy{Mode: Auto}
	out := try(t, p, "given", "sh", "-c", "cat; echo err >&2; exit 3")
	if string(out.Stdout) != "given" || string(out.Stderr) != "err\n" || out.Exit != 3 || out.Killed != "" || out.Signal != "" {
		t.Errorf("%+v", out)
	}
	if out = try(t, p, "", "sh", "-c", "kill -SEGV $$"); out.Signal != "SIGSEGV" || out.Exit != -1 {
		t.Errorf("%+v", out)
	}
	// Nobody reads what is given.
	if out = try(t, p, strings.Repeat("x", 1<<20), "true"); out.Exit != 0 {
		t.Errorf("%+v", out)
	}
	for _, argv := range [][]string{{"orchrt-no-such-program"}, {"/etc/passwd"}, {"/nowhere/program"}} {
		if out, err := Run(t.Context(), p, argv, nil); err == nil {
			t.Errorf("%q ran: %+v", argv, out)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "leak")
	t.Setenv("https_proxy", "leak")
	out := try(t, Policy{Mode: Auto, Env: []string{"GIVEN=1"}}, "", "env")
	var names []string
	for line := range strings.Lines(string(out.Stdout)) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"GIVEN", "HOME", "LANG", "LOGNAME", "PATH", "PWD", "TMPDIR", "USER"}
	if !slices.Equal(names, want) {
		t.Errorf("environment %q, want %q", names, want)
	}
}

func TestDescriptors(t *testing.T) {
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	leak, err := unix.Dup(int(f.Fd())) // without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	out := try(t, Policy{Mode: Auto}, "", "sh", "-c", "for n in 3 4 5 6 7 8 9; do if eval \"true <&$n\" 2>/dev/null; then echo $n; fi; done")
	if len(out.Stdout) > 0 {
		t.Errorf("open: %s", out.Stdout)
	}
}

func TestOutputFlood(t *testing.T) {
	out := try(t, Policy{Mode: Auto, Output: 10_000}, "", "sh", "-c", "echo first; head -c 10000000000 /dev/zero")
	if out.Killed != KilledOutput || len(out.Stdout) > 10_100 || out.StdoutCut == 0 {
		t.Errorf("killed %q, kept %d, cut %d", out.Killed, len(out.Stdout), out.StdoutCut)
	}
	if s := string(out.Stdout); !strings.HasPrefix(s, "first\n") || !strings.Contains(s, " bytes cut …]") {
		t.Error("the beginning or the mark is missing")
	}
	// Somewhat too much is cut, and the program goes on to its end.
	out = try(t, Policy{Mode: Auto, Output: 1000}, "", "sh", "-c", "head -c 20000 /dev/zero; echo last")
	if out.Killed != "" || out.Exit != 0 || !strings.HasSuffix(string(out.Stdout), "last\n") || out.StdoutCut != 19005 {
		t.Errorf("killed %q, exit %d, cut %d", out.Killed, out.Exit, out.StdoutCut)
	}
}

func TestCPULimit(t *testing.T) {
	out := try(t, Policy{Mode: Auto, CPU: time.Second, Wall: 15 * time.Second}, "", "sh", "-c", "while :; do :; done")
	if out.Killed != KilledCPU {
		t.Errorf("%+v", out)
	}
}

func TestRequired(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ran")
	for _, without := range [][]string{{LayerSeccomp}, {LayerRlimits}, {LayerNoPrivs}, {LayerLandlock, LayerUser, LayerBwrap}} {
		_, err := Run(t.Context(), Policy{Dir: filepath.Dir(marker), without: without}, []string{"touch", marker}, nil)
		var missing *MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), without[0]) {
			t.Errorf("without %v: %v", without, err)
		}
		if _, err := os.Stat(marker); err == nil {
			t.Fatalf("without %v the program ran", without)
		}
	}
	p := Policy{}
	if missing := p.missing(Layers()); len(missing) > 0 {
		t.Skipf("this kernel lacks %v", missing)
	}
	if out, err := Run(t.Context(), p, []string{"true"}, nil); err != nil || out.Exit != 0 {
		t.Errorf("%+v %v", out, err)
	}
}

// TestParallel runs many at once, each of which must see itself alone.
func TestParallel(t *testing.T) {
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			want := fmt.Sprintf("run %d", i)
			out, err := Run(t.Context(), Policy{Mode: Auto}, []string{"sh", "-c", "cat > f; cat f; ls"}, []byte(want))
			if err != nil || string(out.Stdout) != want+"f\n" || out.Exit != 0 {
				t.Errorf("%v: %+v", err, out)
			}
		})
	}
	group.Wait()
}

func TestCallersFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := try(t, Policy{Mode: Auto, Dir: dir}, "", "sh", "-c", "cat in && echo more >> in && mkdir sub && echo x > sub/out")
	if out.Exit != 0 || string(out.Stdout) != "data" {
		t.Fatalf("%+v %s", out, out.Stderr)
	}
	for _, name := range []string{"in", "sub/out"} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var s unix.Stat_t
		if unix.Stat(filepath.Join(dir, name), &s); int(s.Uid) != os.Getuid() {
			t.Errorf("%s (%v) belongs to %d", name, st.Mode(), s.Uid)
		}
	}
}

func TestInterpreters(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, c := range map[string]struct {
		find func(context.Context) (Interpreter, error)
		code string
	}{
		"python":     {FindPython, "import sys, math, json\nprint(math.factorial(5), sys.stdin.read())"},
		"javascript": {FindJavaScript, "import fs from 'node:fs'\nconsole.log(5*4*3*2, fs.readFileSync(0, 'utf8'))"},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := c.find(ctx)
			if err != nil {
				t.Skip(err)
			}
			p := Policy{Mode: Auto}
			out, err := in.Run(ctx, p, c.code, []byte("given"))
			if err != nil && !slices.Contains(Layers(), LayerMount) && os.Getuid() == 0 {
				t.Skipf("the interpreter may be closed to the sandbox's user: %v", err)
			}
			if err != nil || out.Exit != 0 || string(out.Stdout) != "120 given\n" {
				t.Errorf("%v: %+v\n%s%s", err, out, out.Stdout, out.Stderr)
			}
			if out, err = in.Run(ctx, p, "throw raise", nil); err != nil || out.Exit != 1 || len(out.Stderr) == 0 {
				t.Errorf("an error in the code: %v %+v", err, out)
			}
		})
	}
}

// interpret runs a filter as the kernel does (linux/filter.h), on the calls that
// assemble uses.
func interpret(prog []unix.SockFilter, nr, arch uint32, args [6]uint32) uint32 {
	var a uint32
	for pc := 0; ; pc++ {
		in := prog[pc]
		branch := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case bpfLoad:
			switch {
			case in.K == dataNr:
				a = nr
			case in.K == dataArch:
				a = arch
			default:
				a = args[(in.K-dataArgs)/8]
			}
		case bpfAnd:
			a &= in.K
		case bpfEqual:
			branch(a == in.K)
		case bpfLess:
			branch(a >= in.K)
		case bpfMore:
			branch(a > in.K)
		case bpfSet:
			branch(a&in.K != 0)
		case bpfRet:
			return in.K
		default:
			panic("unknown instruction")
		}
	}
}

func TestFilter(t *testing.T) {
	if auditArch == 0 {
		t.Skip("no table of system calls for this machine")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f := filterPolicy{connect: r.IntN(2) == 0, datagram: r.IntN(2) == 0, signals: r.IntN(2) == 0, self: 77}
		if r.IntN(2) == 0 {
			f.families = []uint32{unix.AF_UNIX}
		}
		prog := f.assemble()
		list, ruled := f.allowed(), map[uint32]bool{}
		for _, rule := range f.rules() {
			ruled[rule.nr] = true
		}
		for nr := range uint32(700) {
			want := uint32(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
			switch {
			case ruled[nr]:
				continue
			case slices.Contains(notThere, nr) || nr > lastKnown:
				want = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
			case slices.Contains(list, nr):
				want = unix.SECCOMP_RET_ALLOW
			}
			if got := interpret(prog, nr, auditArch, [6]uint32{}); got != want {
				t.Fatalf("call %d: %#x, want %#x", nr, got, want)
			}
		}
		if got := interpret(prog, 0, auditArch+1, [6]uint32{}); got != unix.SECCOMP_RET_KILL_PROCESS {
			t.Errorf("another architecture: %#x", got)
		}
		allowed := func(nr uint32, args ...uint32) bool {
			var a [6]uint32
			copy(a[:], args)
			return interpret(prog, nr, auditArch, a) == unix.SECCOMP_RET_ALLOW
		}
		for _, c := range []struct {
			what      string
			got, want bool
		}{
			{"clone a thread", allowed(unix.SYS_CLONE, 0x3d0f00), true},
			{"clone a user namespace", allowed(unix.SYS_CLONE, unix.CLONE_NEWUSER), false},
			{"socket inet", allowed(unix.SYS_SOCKET, unix.AF_INET), false},
			{"socket local", allowed(unix.SYS_SOCKET, unix.AF_UNIX), len(f.families) > 0},
			{"stream pair", allowed(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC), true},
			{"datagram pair", allowed(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), f.datagram},
			{"connect", allowed(unix.SYS_CONNECT, 3), f.connect},
			{"kill all", allowed(unix.SYS_KILL, 0xffffffff), f.signals},
			{"kill itself", allowed(unix.SYS_KILL, 77), true},
			{"limits of another", allowed(unix.SYS_PRLIMIT64, 78), false},
			{"limits", allowed(unix.SYS_PRLIMIT64, 0), true},
			{"fake input", allowed(unix.SYS_IOCTL, 0, unix.TIOCSTI), false},
		} {
			if c.got != c.want {
				t.Errorf("%+v: %s allowed: %v", f, c.what, c.got)
			}
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		if _, err := Run(b.Context(), Policy{Mode: Auto}, []string{"true"}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
