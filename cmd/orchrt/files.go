package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// readArgument reads a file named on the command line; - is standard input.
func readArgument(ctx context.Context, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(standardInput(ctx))
	}
	return os.ReadFile(name)
}

// standardInput reads standard input until ctx ends: who waits for it at a
// terminal can still be interrupted.
func standardInput(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	in := os.Stdin
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	return r
}

// writeFile has write fill the file name; - is standard output. A regular file
// is written under a temporary name beside it and renamed when it is complete:
// no half of a file ever has that name, and where write fails the file that was
// there stays. Such a file is replaced only with force. Devices and pipes are
// written as they are.
func writeFile(name string, force bool, write func(io.Writer) error) error {
	if name == "-" {
		return write(os.Stdout)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder: give the name of a file", name)
	case err == nil && !info.Mode().IsRegular():
		return writeDevice(name, write)
	case err == nil && !force:
		return fmt.Errorf("%s is there already: give another name or --force", name)
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	return replaceFile(name, write)
}

// writeDevice has write fill a file that is not a regular one.
func writeDevice(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replaceFile makes a complete file of that name, or leaves everything as it was.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		if e := (*fs.PathError)(nil); errors.As(err, &e) { // nobody knows the temporary name
			err = e.Err
		}
		return fmt.Errorf("%s cannot be created: %w", name, err)
	}
	defer func() {
		if err != nil {
			f.Close() // a second time does no harm
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// untilDone writes until its context is done.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (u untilDone) Write(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.w.Write(p)
}
