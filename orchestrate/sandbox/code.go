package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Interpreter runs code from a file.
type Interpreter struct {
	Argv     []string // program and flags; the code's file is appended
	ReadOnly []string // folders that the interpreter needs beside the system's own
	File     string   // name of the code's file in the run's folder
}

// findTime bounds one try of an interpreter found on PATH.
const findTime = 10 * time.Second

// FindPython finds python3 on this process's PATH, and the folders of its
// library. It starts the interpreter once, unconfined, to ask for them: keep the
// answer.
func FindPython(ctx context.Context) (Interpreter, error) {
	const ask = "import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep='\\n')"
	lines, err := find(ctx, []string{"python3", "python"}, "-I", "-c", ask)
	if err != nil {
		return Interpreter{}, fmt.Errorf("sandbox: no Python interpreter: %w", err)
	}
	// -I: no variables and no modules of the folder; -B: no byte code written.
	return Interpreter{Argv: []string{lines[0], "-I", "-B"}, ReadOnly: beyondSystem(lines), File: "main.py"}, nil
}

// FindJavaScript finds Node.js on this process's PATH, as FindPython does.
func FindJavaScript(ctx context.Context) (Interpreter, error) {
	const ask = "console.log(process.execPath); console.log(require('path').resolve(process.execPath, '../..'))"
	lines, err := find(ctx, []string{"node", "nodejs"}, "-e", ask)
	if err != nil {
		return Interpreter{}, fmt.Errorf("sandbox: no JavaScript interpreter: %w", err)
	}
	return Interpreter{Argv: []string{lines[0]}, ReadOnly: beyondSystem(lines), File: "main.mjs"}, nil
}

// find runs the first of names that answers and returns its lines, each a path.
func find(ctx context.Context, names []string, args ...string) ([]string, error) {
	var errs []error
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		tctx, cancel := context.WithTimeout(ctx, findTime)
		cmd := exec.CommandContext(tctx, path, args...)
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		cancel()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err == nil && filepath.IsAbs(lines[0]) {
			return lines, nil
		}
		errs = append(errs, fmt.Errorf("%s does not answer: %w", path, errors.Join(err, ctx.Err())))
	}
	return nil, errors.Join(errs...)
}

// beyondSystem returns the paths that are not in the sandbox anyway. A prefix of
// / or /usr is the system's.
func beyondSystem(paths []string) []string {
	var out []string
	seen := make(map[string]bool)
	for _, p := range paths {
		real, err := filepath.EvalSymlinks(p)
		if err != nil {
			continue
		}
		for _, q := range []string{filepath.Clean(p), real} {
			if seen[q] || q == "/" || q == "/usr" || strings.HasPrefix(q, "/usr/") || !filepath.IsAbs(q) {
				continue
			}
			seen[q] = true
			out = append(out, q)
		}
	}
	return out
}

// Run writes code into the run's folder and runs it there, confined by p.
func (in Interpreter) Run(ctx context.Context, p Policy, code string, stdin []byte) (Outcome, error) {
	if p.Dir == "" {
		dir, err := os.MkdirTemp("", "orchrt-code-")
		if err != nil {
			return Outcome{}, fmt.Errorf("sandbox: %w", err)
		}
		defer os.RemoveAll(dir)
		p.Dir = dir
	}
	file := filepath.Join(p.Dir, in.File)
	if err := writeNew(file, []byte(code)); err != nil {
		return Outcome{}, fmt.Errorf("sandbox: the code's file: %w", err)
	}
	p.ReadOnly = append(append([]string(nil), p.ReadOnly...), in.ReadOnly...)
	return Run(ctx, p, append(append([]string(nil), in.Argv...), file), stdin)
}

// writeNew replaces name by a new file. An earlier run may have left a link
// there, which must not be followed.
func writeNew(name string, data []byte) error {
	if old, err := os.Lstat(name); err == nil && old.IsDir() {
		return fmt.Errorf("%s is a folder", name)
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = bytes.NewReader(data).WriteTo(f)
	return errors.Join(err, f.Close())
}

// Python runs code with the Python interpreter that FindPython finds.
func Python(ctx context.Context, p Policy, code string, stdin []byte) (Outcome, error) {
	in, err := FindPython(ctx)
	if err != nil {
		return Outcome{}, err
	}
	return in.Run(ctx, p, code, stdin)
}

// JavaScript runs code, an ECMAScript module, with the interpreter that
// FindJavaScript finds.
func JavaScript(ctx context.Context, p Policy, code string, stdin []byte) (Outcome, error) {
	in, err := FindJavaScript(ctx)
	if err != nil {
		return Outcome{}, err
	}
	return in.Run(ctx, p, code, stdin)
}
