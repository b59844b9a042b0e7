package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// innerID is the user and group within a user namespace.
const innerID = 1000

// identity is the user that the program runs as, seen from outside.
type identity struct {
	uid, gid int  // -1: the caller's
	gave     bool // the folder was the caller's own and has been given away
}

// newIdentity picks a user: for a caller who may not choose, itself; for root
// the owner of the run's folder or, where that is root, a number that nobody
// uses.
func newIdentity(dir string, own bool, without []string) (identity, error) {
	id := identity{uid: -1, gid: -1}
	if os.Geteuid() != 0 || slices.Contains(without, LayerUID) {
		return id, nil
	}
	if !own {
		st, err := os.Stat(dir)
		if err != nil {
			return id, err
		}
		if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 0 {
			id.uid, id.gid = int(sys.Uid), int(sys.Gid)
			return id, nil
		}
	}
	if n, ok := freeID(); ok {
		id.uid, id.gid, id.gave = n, n, true
	}
	return id, nil
}

// freeID returns a random id from a range that distributions and container
// engines leave alone, if this process's user namespace maps it, and else from
// the range of dynamic users (61184 to 65519, systemd's UIDS-GIDS document).
func freeID() (int, bool) {
	for _, r := range [][2]int{{0x70000000, 1 << 16}, {61184, 4336}} {
		if mapped("/proc/self/uid_map", r[0], r[1]) && mapped("/proc/self/gid_map", r[0], r[1]) {
			return r[0] + rand.IntN(r[1]), true
		}
	}
	return 0, false
}

// mapped says whether an id map has all of from … from+n-1 in one line.
func mapped(file string, from, n int) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var in, out, count int
		if _, err := fmt.Sscan(sc.Text(), &in, &out, &count); err == nil && in <= from && from+n <= in+count {
			return true
		}
	}
	return false
}

// mapInto asks for the identity in a new user namespace.
func (id identity) mapInto(attr *syscall.SysProcAttr, s *spec) {
	if id.uid < 0 {
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: innerID, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: innerID, HostID: os.Getegid(), Size: 1}}
		// Not root within, so that the launcher keeps by this what it needs to set up.
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
		return
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: innerID, HostID: id.uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: innerID, HostID: id.gid, Size: 1}}
	attr.GidMappingsEnableSetgroups = true
	s.UID, s.GID = innerID, innerID
}

// outer is the identity for a launcher without a user namespace.
func (id identity) outer() (uid, gid int) { return id.uid, id.gid }

// give makes the folders the identity's.
func (id identity) give(dir, shm string) error {
	if id.uid < 0 {
		return nil
	}
	if err := os.Lchown(shm, id.uid, id.gid); err != nil {
		return err
	}
	if !id.gave {
		return nil
	}
	return chownAll(dir, id.uid, id.gid)
}

// takeBack makes a folder that was given away the caller's again. Nothing runs
// in it any more.
func (id identity) takeBack(dir string) error {
	if !id.gave {
		return nil
	}
	return chownAll(dir, os.Geteuid(), os.Getegid())
}

// chownAll changes the owner of a tree, of links themselves and not of what they
// point to. Files with several names stay as they are: another name may lie
// outside.
func chownAll(dir string, uid, gid int) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		if sys := st.Sys().(*syscall.Stat_t); !d.IsDir() && sys.Nlink > 1 {
			return nil
		}
		return os.Lchown(name, uid, gid)
	})
}
