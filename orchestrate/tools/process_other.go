//go:build !unix

package tools

import "os/exec"

// group does nothing: this system has no process groups.
func group(*exec.Cmd) {}

// killGroup ends the command's own process.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = cmd.Process.Kill() // one that has ended is what is wanted
	}
}
