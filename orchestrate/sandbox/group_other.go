//go:build !unix

package sandbox

import (
	"os"
	"os/exec"
)

func group(*exec.Cmd) {}

func signalOf(*os.ProcessState) string { return "" }
