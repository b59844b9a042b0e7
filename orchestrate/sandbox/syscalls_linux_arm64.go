package sandbox

import "golang.org/x/sys/unix"

// auditArch is what the filter demands.
const auditArch = unix.AUDIT_ARCH_AARCH64

// archCalls are those that only this machine names so.
var archCalls = []uint32{unix.SYS_FSTATAT, unix.SYS_GETRLIMIT, unix.SYS_SETRLIMIT}
