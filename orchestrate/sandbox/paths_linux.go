package sandbox

import (
	"os"
	"path/filepath"
	"slices"
)

// systemPaths may be read and executed in every sandbox: programs, libraries and
// the few files of /etc that C libraries and interpreters look at. None of them
// holds a secret on a system set up as distributions do.
var systemPaths = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
	"/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
	"/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/protocols", "/etc/services",
	"/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/ssl/openssl.cnf", "/etc/ssl/certs",
	"/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/fonts",
}

// accountPaths are replaced where there is a root of its own.
var accountPaths = []string{"/etc/passwd", "/etc/group"}

// networkPaths are read to find names.
var networkPaths = []string{"/etc/resolv.conf", "/etc/hosts"}

// devices may be read and written.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// procFiles are what of /proc a program sees that has no /proc of its own: itself
// and figures of the machine, but no other process.
var procFiles = []string{
	"/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version",
	"/proc/filesystems", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/pid_max", "/proc/sys/vm/overcommit_memory",
}

// readable lists the existing paths that the run may read.
func (s *spec) readable() []string {
	paths := slices.Concat(systemPaths, s.ReadOnly)
	if s.Network {
		paths = append(paths, networkPaths...)
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		_, err := os.Stat(p)
		return err != nil
	})
}

// shm is the folder that stands for /dev/shm.
func (s *spec) shm() string { return filepath.Join(s.Scratch, "shm") }
