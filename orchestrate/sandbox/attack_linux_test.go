package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// python is the system's interpreter, which every sandbox shows.
func python(t *testing.T) Interpreter {
	t.Helper()
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		t.Skip("the attacks are written in Python: no /usr/bin/python3 here")
	}
	return Interpreter{Argv: []string{"/usr/bin/python3", "-I", "-B"}, File: "main.py"}
}

// rest are the ways of a kernel that offers less. Each attack must fail in all
// of those in which a layer that stops it is left.
var rest = []struct {
	name    string
	without []string
}{
	{"all", nil},
	{"no namespaces", []string{LayerUser, LayerBwrap}},
	{"bubblewrap", []string{LayerUser}}, // where it is installed, and not for root
	{"no landlock", []string{LayerLandlock}},
	{"seccomp and limits only", []string{LayerUser, LayerBwrap, LayerLandlock}},
	{"no seccomp", []string{LayerSeccomp}},
	{"same user, old landlock", []string{LayerUser, LayerBwrap, LayerUID, LayerScope, LayerLockNet}},
}

// attack runs code with each rest, and has check look at what came of it. stops
// are layers of which any one stops the attack.
func attack(t *testing.T, p Policy, code string, stops []string, check func(t *testing.T, out Outcome)) {
	t.Helper()
	py := python(t)
	t.Run("with", func(t *testing.T) {
		for _, r := range rest {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel() // most of the time they wait
				p := p
				p.Mode, p.without = Auto, r.without
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				out, err := py.Run(ctx, p, code, nil)
				if err != nil {
					t.Fatalf("%v\nstdout %s\nstderr %s", err, out.Stdout, out.Stderr)
				}
				var by []string
				for _, l := range stops {
					if slices.Contains(out.Layers, l) {
						by = append(by, l)
					}
				}
				if len(by) == 0 {
					t.Skipf("none of %v is in force (%v)", stops, out.Layers)
				}
				t.Logf("stopped by %v", by)
				check(t, out)
				if t.Failed() {
					t.Logf("layers %v\nexit %d %s %s\nstdout %s\nstderr %s", out.Layers, out.Exit, out.Signal, out.Killed, out.Stdout, out.Stderr)
				}
			})
		}
	})
}

// prelude defines attempt(name, function), which prints a line for each attack that
// succeeds.
const prelude = `
import os, sys, socket, ctypes, time, signal
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, f):
    try:
        r = f()
    except (OSError, ValueError) as e:
        print("refused", name, repr(e), file=sys.stderr)
    else:
        print("BROKEN", name, repr(r)[:200])
def call(nr, *args):
    r = libc.syscall(nr, *args)
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return r
`

// intact fails if an attempt succeeded or the program did not reach its end.
func intact(t *testing.T, out Outcome) {
	t.Helper()
	if strings.Contains(string(out.Stdout), "BROKEN") || out.Exit != 0 || !strings.Contains(string(out.Stdout), "end") {
		t.Error("the attack succeeded, or did not run to its end")
	}
}

func TestNetwork(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	local, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	os.Chmod(filepath.Join(dir, "socket"), 0o777)
	abstract := fmt.Sprintf("orchrt-test-%d", os.Getpid())
	named, err := net.Listen("unix", "@"+abstract)
	if err != nil {
		t.Fatal(err)
	}
	defer named.Close()
	gram, err := net.ListenPacket("unixgram", filepath.Join(dir, "gram"))
	if err != nil {
		t.Fatal(err)
	}
	defer gram.Close()
	os.Chmod(filepath.Join(dir, "gram"), 0o777)

	code := prelude + fmt.Sprintf(`
def connect(family, kind, to):
    s = socket.socket(family, kind)
    s.settimeout(1)
    s.connect(to)
    return s.send(b"x")
attempt("tcp", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", %d)))
attempt("udp", lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", %d)))
attempt("udp6", lambda: connect(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 53)))
attempt("dns", lambda: socket.getaddrinfo("example.com", 80))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
attempt("unix", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, %q))
attempt("abstract", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0%s"))
def pair():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return a.sendto(b"x", %q)
attempt("pair", pair)
a, b = socket.socketpair()
a.send(b"end")
print(b.recv(3).decode())
`, tcp.Addr().(*net.TCPAddr).Port, tcp.Addr().(*net.TCPAddr).Port, filepath.Join(dir, "socket"), abstract, filepath.Join(dir, "gram"))
	attack(t, Policy{}, code, []string{LayerNet, LayerSeccomp}, intact)
}

func TestFilesOutside(t *testing.T) {
	home := t.TempDir()
	os.Chmod(home, 0o755)
	secret := filepath.Join(home, "key")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(home, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	os.Chmod(open, 0o777)
	code := prelude + fmt.Sprintf(`
secret, folder, pid = %q, %q, %d
attempt("read", lambda: open(secret).read())
os.symlink(secret, "link")
attempt("symlink", lambda: open("link").read())
attempt("hardlink", lambda: os.link(secret, "hard"))
attempt("up", lambda: open(os.path.relpath(secret)).read())
attempt("list", lambda: os.listdir(folder))
attempt("write", lambda: open(folder + "/x", "w"))
attempt("tmp", lambda: open("/tmp/orchrt-escaped", "w"))
attempt("usr", lambda: open("/usr/x", "w"))
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("environ", lambda: open(f"/proc/{pid}/environ").read())
attempt("mem", lambda: open(f"/proc/{pid}/mem", "rb"))
attempt("cwd", lambda: os.listdir(f"/proc/{pid}/cwd"))
attempt("parent", lambda: open(f"/proc/{os.getppid()}/environ").read())
attempt("fds", lambda: os.listdir(f"/proc/{os.getppid()}/fd"))
attempt("sysctl", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt("chroot", lambda: os.chroot("."))
attempt("device", lambda: os.mknod("dev", 0o600 | 0o060000, os.makedev(8, 0)))
open("mine", "w").write("end")
print(open("mine").read())
`, secret, open, os.Getpid())
	defer os.Remove("/tmp/orchrt-escaped") // where no layer was left, and the attack not judged
	attack(t, Policy{}, code, []string{LayerLandlock, LayerMount}, intact)
}

func TestProcesses(t *testing.T) {
	victim := exec.Command("sleep", "30")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait()
	defer victim.Process.Kill()
	code := prelude + fmt.Sprintf(`
victim, parent = %d, os.getppid()
buf = ctypes.create_string_buffer(8)
here, there = (ctypes.c_void_p * 2)(ctypes.addressof(buf), 8), (ctypes.c_void_p * 2)(0x400000, 8)
for name, pid in ("victim", victim), ("supervisor", parent), ("server", %d):
    attempt("stop " + name, lambda: os.kill(pid, signal.SIGCONT) if pid != 1 else call(-1))
    attempt("ptrace " + name, lambda: call(101, 16, pid, 0, 0))
    attempt("process_vm_readv " + name, lambda: call(310, pid, here, 1, there, 1, 0))
print("end")
`, victim.Process.Pid, os.Getpid())
	if auditArch != unix.AUDIT_ARCH_X86_64 {
		t.Skip("numbers of system calls are x86-64's here")
	}
	attack(t, Policy{}, code, []string{LayerPID, LayerSeccomp}, intact)
}

// TestCalls tries calls that only the filter refuses.
func TestCalls(t *testing.T) {
	if auditArch != unix.AUDIT_ARCH_X86_64 {
		t.Skip("numbers of system calls are x86-64's here")
	}
	code := prelude + `
for name, nr in dict(ptrace=101, mount=165, bpf=321, io_uring_setup=425, unshare=272, setns=308, keyctl=250,
        add_key=248, perf_event_open=298, userfaultfd=323, kexec_load=246, init_module=175, finit_module=313,
        open_by_handle_at=304, memfd_create=319, clone3=435, process_vm_writev=311, pivot_root=155, fsopen=430,
        move_mount=429, open_tree=428, mount_setattr=442, pidfd_getfd=438, kcmp=312, shmget=29, x32=0x40000000 + 39,
        reboot=169, swapon=167, settimeofday=164, syslog=103, acct=163, newest=9999).items():
    attempt(name, lambda: call(nr, 0, 0, 0, 0, 0))
    e = ctypes.get_errno()
    if e not in (1, 38):
        print("BROKEN", name, "reached the kernel:", os.strerror(e))
attempt("clone newuser", lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0))
attempt("personality", lambda: call(135, 0x0040000))
attempt("tiocsti", lambda: call(16, 0, 0x5412, b"x"))
print("end")
`
	attack(t, Policy{}, code, []string{LayerSeccomp}, intact)
}

func TestMemoryBomb(t *testing.T) {
	// At most 400 MiB, should every layer fail.
	for name, code := range map[string]string{
		"private": "b = [bytearray(8 << 20) for _ in range(50)]\nprint('BROKEN')",
		"shared":  "import mmap, time\nm = mmap.mmap(-1, 400 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(1)\nprint('BROKEN')",
		"many": `import os, time
for _ in range(8):
    if os.fork() == 0:
        b = bytearray(48 << 20)
        time.sleep(2)
        os._exit(0)
time.sleep(2)
print('BROKEN')`,
	} {
		t.Run(name, func(t *testing.T) {
			attack(t, Policy{Memory: 100 << 20}, code, []string{LayerWatch}, func(t *testing.T, out Outcome) {
				if strings.Contains(string(out.Stdout), "BROKEN") || out.Killed != KilledMemory && !strings.Contains(string(out.Stderr), "MemoryError") {
					t.Errorf("not stopped: killed %q", out.Killed)
				}
			})
		})
	}
}

func TestForkBomb(t *testing.T) {
	// Bounded to 300 short processes, should every layer fail.
	code := prelude + `
made = 0
for _ in range(300):
    try:
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
        made += 1
    except OSError:
        break
print("BROKEN" if made > 60 else "held", made, flush=True)
`
	attack(t, Policy{Processes: 20}, code, []string{LayerRlimits, LayerWatch}, func(t *testing.T, out Outcome) {
		if out.Killed != KilledProcesses && !strings.Contains(string(out.Stdout), "held") {
			t.Error("not stopped")
		}
	})
}

func TestOtherLimits(t *testing.T) {
	attack(t, Policy{Files: 32, FileSize: 1 << 20}, prelude+`
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def exhaust():
    kept = []
    try:
        for _ in range(200): kept.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for fd in kept: os.close(fd)
attempt("files", exhaust)
def grow():
    with open("big", "wb") as f:
        for _ in range(8): f.write(bytes(1 << 20))
attempt("size", grow)
attempt("sparse", lambda: os.truncate("big", 1 << 40))
import resource
attempt("raise", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
print("end", resource.getrlimit(resource.RLIMIT_CORE))
`, []string{LayerRlimits}, intact)
}

func TestDiskLimit(t *testing.T) {
	// 60 MiB in all, should the limit fail.
	attack(t, Policy{Disk: 8 << 20}, `
import time
for i in range(30):
    with open(f"f{i}", "wb") as f: f.write(bytes(2 << 20))
    time.sleep(0.05)
print("BROKEN")`, []string{LayerWatch}, func(t *testing.T, out Outcome) {
		if out.Killed != KilledDisk {
			t.Errorf("killed %q", out.Killed)
		}
	})
}

func TestSetuid(t *testing.T) {
	su, err := exec.LookPath("su")
	if err != nil {
		t.Skip("no set-user-ID program here")
	}
	code := prelude + fmt.Sprintf(`
import subprocess
attempt("setuid", lambda: os.setuid(0))
p = subprocess.run([%q, "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL, timeout=5)
print("BROKEN" if p.returncode == 0 else "end")
text = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
for line in text.splitlines():
    if line.startswith(("CapEff", "CapPrm", "CapAmb", "CapInh")) and int(line.split()[1], 16):
        print("BROKEN", line)
    if line.startswith("NoNewPrivs") and line.split()[1] != "1":
        print("BROKEN", line)
`, su)
	if os.Getuid() != 0 {
		code = strings.Replace(code, `attempt("setuid", lambda: os.setuid(0))`, "", 1)
	}
	attack(t, Policy{}, code, []string{LayerUser, LayerUID}, intact)
}

// TestNothingLeft runs programs that ignore signals and leave daemons, and looks
// for what is left of them.
func TestNothingLeft(t *testing.T) {
	mark := fmt.Sprintf("orchrt-mark-%d-%d", os.Getpid(), time.Now().UnixNano())
	code := fmt.Sprintf(`
import os, signal, time, sys
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-I", "-c", "import time; time.sleep(20)", %q])
    os._exit(0)
time.sleep(0.1)
print("ready", flush=True)
time.sleep(%%d)
`, mark)
	check := func(t *testing.T) {
		for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			left := running(mark)
			if len(left) == 0 {
				return
			}
			if time.Now().After(end) {
				for _, pid := range left {
					syscall.Kill(pid, syscall.SIGKILL)
				}
				t.Fatalf("processes %v outlive their run", left)
			}
		}
	}
	before := folders(t)
	for name, wait := range map[string]int{"wall": 20, "end": 0} {
		t.Run(name, func(t *testing.T) {
			p := Policy{Wall: 700 * time.Millisecond}
			if wait == 0 {
				p.Wall = 10 * time.Second
			}
			attack(t, p, fmt.Sprintf(code, wait), []string{LayerPID, LayerWatch}, func(t *testing.T, out Outcome) {
				check(t)
				if !strings.HasPrefix(string(out.Stdout), "ready") || (out.Killed == KilledWall) != (wait > 0) {
					t.Errorf("killed %q", out.Killed)
				}
				if out.Wall > p.Wall+3*time.Second {
					t.Errorf("took %v", out.Wall)
				}
			})
		})
	}
	t.Run("cancel", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		out, err := python(t).Run(ctx, Policy{Mode: Auto}, fmt.Sprintf(code, 20), nil)
		if !errors.Is(err, context.DeadlineExceeded) || out.Killed != KilledCancel {
			t.Errorf("%v, killed %q", err, out.Killed)
		}
		check(t)
	})
	if after := folders(t); !slices.Equal(before, after) {
		t.Errorf("folders are left: %v, before %v", after, before)
	}
}

// running lists processes with an argument mark.
func running(mark string) []int {
	var out []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if slices.Contains(strings.Split(string(b), "\x00"), mark) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			out = append(out, pid)
		}
	}
	return out
}

// folders lists the sandboxes' folders.
func folders(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(os.TempDir(), "orchrt-[sc]*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}
