package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// bwrapStarter starts the supervisor in namespaces that bubblewrap makes. Some
// systems let it do so and no other program.
func bwrapStarter(path string) starter {
	return starter{"bubblewrap", []string{LayerBwrap, LayerUser, LayerPID, LayerIPC}, func(l *launch, s *spec) (*exec.Cmd, error) {
		if l.id.uid >= 0 {
			return nil, errors.New("not used by root, which has its own way to another user")
		}
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		s.Bwrap = true
		args := []string{"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"}
		if !l.policy.Network {
			args = append(args, "--unshare-net")
			s.Layers = append(s.Layers[:len(s.Layers):len(s.Layers)], LayerNet)
		}
		for _, p := range s.readable() {
			to, err := os.Readlink(p)
			if err == nil && filepath.Dir(p) == "/" {
				args = append(args, "--symlink", to, p)
				continue
			}
			args = append(args, "--ro-bind", p, p)
		}
		for _, p := range accountPaths {
			args = append(args, "--ro-bind-try", p, p)
		}
		args = append(args, "--proc", "/proc", "--dev", "/dev", "--bind", s.shm(), "/dev/shm",
			"--ro-bind", exe, exe, "--bind", s.Dir, s.Dir, "--chdir", s.Dir, "--", exe, nameSupervise)
		cmd := exec.Command(path, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
		return cmd, nil
	}}
}
