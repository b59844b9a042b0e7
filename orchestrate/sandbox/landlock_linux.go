package sandbox

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock's rights (landlock(7)), by the version of its interface that knows
// them.
const (
	llRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_EXECUTE
	llFile    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	llVersion = 1<<13 - 1 // of version 1
)

// landlockVersion returns the version of the kernel's interface.
func landlockVersion() (int, error) {
	v, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0, fmt.Errorf("landlock_create_ruleset: %w", e)
	}
	return int(v), nil
}

// handled returns the rights that a version can take away.
func handled(version int) uint64 {
	fs := uint64(llVersion)
	if version >= 2 {
		fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return fs
}

// landlock restricts this thread to the paths of the policy and notes the layers.
func (c *confiner) landlock() {
	version, err := landlockVersion()
	if err != nil {
		c.layer(LayerLandlock, err)
		return
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled(version)}
	net := version >= 4 && !c.Network && !c.skips(LayerLockNet)
	scope := version >= 6 && !c.skips(LayerScope)
	if net {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if scope {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	if err := c.restrict(&attr); err != nil {
		c.layer(LayerLandlock, err)
		return
	}
	c.layer(LayerLandlock, nil)
	if net {
		c.layer(LayerLockNet, nil)
	}
	if scope {
		c.layer(LayerScope, nil)
	}
}

func (c *confiner) restrict(attr *unix.LandlockRulesetAttr) error {
	// Older kernels take a longer structure if what they do not know is zero.
	const size = unsafe.Offsetof(attr.Scoped) + unsafe.Sizeof(attr.Scoped)
	r, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(attr)), size, 0)
	if e != 0 {
		return fmt.Errorf("landlock_create_ruleset: %w", e)
	}
	ruleset := int(r)
	defer unix.Close(ruleset)
	all := attr.Handled_access_fs
	allow := func(rights uint64, paths ...string) error {
		for _, p := range paths {
			if err := addRule(ruleset, p, rights&all); err != nil {
				return err
			}
		}
		return nil
	}
	if err := allow(llRead, c.readable()...); err != nil {
		return err
	}
	if err := allow(llRead, accountPaths...); err != nil {
		return err
	}
	if err := allow(llFile&^unix.LANDLOCK_ACCESS_FS_EXECUTE, devices...); err != nil {
		return err
	}
	if err := allow(all&^unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, c.Dir); err != nil {
		return err
	}
	if !c.has(LayerMount) && !c.Bwrap {
		if err := allow(llRead, procFiles...); err != nil {
			return err
		}
		return enforce(ruleset)
	}
	// A root of its own: what else is in it may be listed, and its /proc is its own.
	const list = unix.LANDLOCK_ACCESS_FS_READ_DIR
	if err := allow(list, "/"); err != nil {
		return err
	}
	if err := allow(llRead|unix.LANDLOCK_ACCESS_FS_WRITE_FILE, "/proc"); err != nil {
		return err
	}
	if err := allow(all&^(unix.LANDLOCK_ACCESS_FS_EXECUTE|unix.LANDLOCK_ACCESS_FS_IOCTL_DEV), "/dev/shm"); err != nil {
		return err
	}
	return enforce(ruleset)
}

// enforce puts the rules in force.
func enforce(ruleset int) error {
	if _, _, e := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); e != 0 {
		return fmt.Errorf("landlock_restrict_self: %w", e)
	}
	return nil
}

// addRule grants rights at and below path, or at path if it is a file. What does
// not exist needs no rule.
func addRule(ruleset int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.EACCES {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= llFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return fmt.Errorf("landlock_add_rule %s: %w", path, e)
	}
	return nil
}
