package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// errHalfway marks a failure after which the view of the files is neither the
// old nor the new one.
var errHalfway = errors.New("the new root is half made")

// newRoot replaces this namespace's root by one in which only the paths of the
// policy exist: everything read-only but the run's folder and /dev/shm.
func (c *confiner) newRoot() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	root := filepath.Join(c.Scratch, "root")
	if err := unix.Mount("tmpfs", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=1m"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	if err := c.fillRoot(root); err != nil {
		unix.Unmount(root, unix.MNT_DETACH)
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	// Old and new root on top of each other (pivot_root(2), "pivot_root(".", ".")").
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("%w: unmount the old root: %w", errHalfway, err)
	}
	if err := setAttr("/", unix.MOUNT_ATTR_RDONLY, 0); err != nil {
		return fmt.Errorf("%w: %w", errHalfway, err)
	}
	return os.Chdir("/")
}

// setAttr sets attributes of a mount; flags may be AT_RECURSIVE.
func setAttr(path string, set uint64, flags uint) error {
	if err := unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_set: set}); err != nil {
		return fmt.Errorf("mount_setattr %s: %w", path, err)
	}
	return nil
}

func (c *confiner) fillRoot(root string) error {
	for _, p := range c.readable() {
		if err := c.place(root, p); err != nil {
			return err
		}
	}
	for _, d := range devices {
		if err := bind(root, d, d, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC); err != nil {
			return err
		}
	}
	for link, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(to, filepath.Join(root, "dev", link)); err != nil {
			return err
		}
	}
	account := fmt.Sprintf("sandbox:x:%d:%d::%s:/bin/sh\n", innerID, innerID, c.Dir)
	for name, text := range map[string]string{"passwd": account, "group": fmt.Sprintf("sandbox:x:%d:\n", innerID)} {
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	proc := filepath.Join(root, "proc")
	if err := os.MkdirAll(proc, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("proc", proc, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		// Containers that cover parts of /proc do not let it be mounted anew.
		c.report.Why = append(c.report.Why, "no /proc in the sandbox: "+err.Error())
	}
	writable := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
	if err := bind(root, c.shm(), "/dev/shm", writable|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return err
	}
	return bind(root, c.Dir, c.Dir, writable)
}

// place shows path in the new root: a link as a link, else by a read-only bind.
func (c *confiner) place(root, path string) error {
	for _, dir := range []string{c.Dir, c.Scratch} {
		if path == dir {
			return nil
		}
	}
	st, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if st.Mode()&os.ModeSymlink != 0 && slices.Contains(systemPaths, path) && filepath.Dir(path) == "/" {
		to, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(to, filepath.Join(root, path))
	}
	return bind(root, path, path, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
}

// bind shows from at root/at, with what is mounted below it.
func bind(root, from, at string, attr uint64) error {
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	to := filepath.Join(root, at)
	if _, err := os.Lstat(to); err != nil {
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if st.IsDir() {
			err = os.Mkdir(to, 0o755)
		} else {
			err = os.WriteFile(to, nil, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", from, err)
	}
	return setAttr(to, attr, unix.AT_RECURSIVE)
}
