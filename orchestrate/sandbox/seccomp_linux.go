package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data (linux/seccomp.h); arguments are 64 bits,
// little-endian on both machines that have a table.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16
)

// cloneNew are the flags of clone that make namespaces.
const cloneNew = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// filterPolicy is what the filter depends on.
type filterPolicy struct {
	families []uint32 // of socket
	connect  bool     // connect, bind, listen, accept
	datagram bool     // local datagram pairs, which reach any local address
	signals  bool     // the kernel confines signals otherwise
	self     int      // the process's own number
}

// seccomp puts the filter in force for this thread.
func (c *confiner) seccomp() error {
	if auditArch == 0 {
		return errors.New("no table of system calls for " + runtime.GOARCH)
	}
	ownFiles := c.has(LayerMount) || c.Bwrap
	// Another process's local sockets are out of reach by name where the files
	// are, and by abstract name where the network or Landlock's scope ends.
	local := ownFiles && (c.has(LayerNet) || c.has(LayerScope))
	f := filterPolicy{
		signals: c.has(LayerPID) || c.has(LayerScope) || c.has(LayerUID),
		self:    os.Getpid(), datagram: local, connect: local || c.Network,
	}
	if local {
		f.families = append(f.families, unix.AF_UNIX)
	}
	if c.Network {
		f.families = append(f.families, unix.AF_INET, unix.AF_INET6)
	}
	prog := f.assemble()
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog)))
	if e != 0 {
		return fmt.Errorf("seccomp: %w", e)
	}
	return nil
}

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, jt, jf uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k}
}

const (
	bpfLoad  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	bpfAnd   = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	bpfEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	bpfLess  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K // with its branches exchanged
	bpfMore  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	bpfSet   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	bpfRet   = unix.BPF_RET | unix.BPF_K
)

func fail(e unix.Errno) unix.SockFilter { return stmt(bpfRet, unix.SECCOMP_RET_ERRNO|uint32(e)) }

var allow = stmt(bpfRet, unix.SECCOMP_RET_ALLOW)

// assemble writes the filter: another architecture's calls kill, calls with
// rules for their arguments are judged by them, those of the list pass, and the
// others fail with EPERM, or with ENOSYS where programs then try another way.
func (f filterPolicy) assemble() []unix.SockFilter {
	prog := []unix.SockFilter{
		stmt(bpfLoad, dataArch),
		jump(bpfEqual, auditArch, 1, 0),
		stmt(bpfRet, unix.SECCOMP_RET_KILL_PROCESS),
		stmt(bpfLoad, dataNr),
	}
	for _, r := range f.rules() {
		prog = append(prog, jump(bpfEqual, r.nr, 0, uint8(len(r.body))))
		prog = append(prog, r.body...) // ends in a return
	}
	for _, nr := range notThere {
		prog = append(prog, jump(bpfEqual, nr, 0, 1), fail(unix.ENOSYS))
	}
	list := f.allowed()
	for _, r := range spans(list) {
		// Sorted: a number below this span and above the last is not in the list.
		prog = append(prog, jump(bpfLess, r[0], 1, 0), fail(unix.EPERM), jump(bpfMore, r[1], 1, 0), allow)
	}
	return append(prog, jump(bpfMore, lastKnown, 1, 0), fail(unix.EPERM), fail(unix.ENOSYS))
}

// allowed is the sorted list of calls that pass whatever their arguments.
func (f filterPolicy) allowed() []uint32 {
	list := slices.Concat(commonCalls, archCalls)
	if f.connect {
		list = append(list, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4)
	}
	if f.signals {
		list = append(list, unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO,
			unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// spans joins sorted numbers to runs of consecutive ones.
func spans(list []uint32) [][2]uint32 {
	var out [][2]uint32
	for _, n := range list {
		if k := len(out) - 1; k >= 0 && out[k][1]+1 == n {
			out[k][1] = n
		} else {
			out = append(out, [2]uint32{n, n})
		}
	}
	return out
}

// rule judges one call by its arguments.
type rule struct {
	nr   uint32
	body []unix.SockFilter
}

// arg loads the lower half of argument n. The calls below read no more of it.
func arg(n uint32) unix.SockFilter { return stmt(bpfLoad, dataArgs+8*n) }

// oneOf lets argument n be one of values and refuses others.
func oneOf(n uint32, values []uint32, e unix.Errno) []unix.SockFilter {
	body := []unix.SockFilter{arg(n)}
	for _, v := range values {
		body = append(body, jump(bpfEqual, v, 0, 1), allow)
	}
	return append(body, fail(e))
}

func (f filterPolicy) rules() []rule {
	out := []rule{
		// No new namespaces: they bring capabilities.
		{unix.SYS_CLONE, []unix.SockFilter{arg(0), jump(bpfSet, cloneNew, 0, 1), fail(unix.EPERM), allow}},
		// No input faked into terminals.
		{unix.SYS_IOCTL, []unix.SockFilter{arg(1), jump(bpfEqual, unix.TIOCSTI, 0, 1), fail(unix.EPERM),
			jump(bpfEqual, unix.TIOCLINUX, 0, 1), fail(unix.EPERM), allow}},
		// Only Linux's own personality, and asking for it.
		{unix.SYS_PERSONALITY, oneOf(0, []uint32{0, 8, 0xffffffff}, unix.EPERM)},
		// Limits of itself only; the kernel would allow those of its user.
		{unix.SYS_PRLIMIT64, oneOf(0, []uint32{0, uint32(f.self)}, unix.EPERM)},
		{unix.SYS_SOCKET, oneOf(0, f.families, unix.EACCES)},
	}
	pair := oneOf(0, []uint32{unix.AF_UNIX}, unix.EACCES)
	if !f.datagram {
		pair = []unix.SockFilter{arg(0), jump(bpfEqual, unix.AF_UNIX, 1, 0), fail(unix.EACCES),
			arg(1), stmt(bpfAnd, 0xf), jump(bpfEqual, unix.SOCK_DGRAM, 0, 1), fail(unix.EACCES), allow}
	}
	out = append(out, rule{unix.SYS_SOCKETPAIR, pair})
	if !f.signals {
		// Itself and its own process group, and nobody else of the same user.
		out = append(out,
			rule{unix.SYS_KILL, oneOf(0, []uint32{0, uint32(f.self), uint32(-int32(f.self))}, unix.EPERM)},
			rule{unix.SYS_TGKILL, oneOf(0, []uint32{uint32(f.self)}, unix.EPERM)})
	}
	return out
}
