package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// Exit statuses of every subcommand.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// newFlags returns an empty flag set for a subcommand. Synopsis is what follows
// the command's name on its usage line; about is one paragraph of help.
func newFlags(name, synopsis, about string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(os.Stderr)
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "Usage: orchrt %s %s\n\n%s\n\nFlags (each also as environment variable ORCHRT_<FLAG>):\n%s",
			name, synopsis, about, fs.FlagUsagesWrapped(100))
	}
	return fs
}

// parseFlags reads args into fs, then the environment for flags that args do
// not set, and checks that between low and high plain arguments are left
// (high < 0: any number). Where done is true the command is to return code.
func parseFlags(fs *pflag.FlagSet, args []string, low, high int) (code int, done bool) {
	for _, a := range args {
		if a == "--" {
			break
		}
		if a == "-h" || a == "--help" {
			fs.SetOutput(os.Stdout)
		}
	}
	err := fs.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK, true
	}
	if err == nil {
		err = applyEnv(fs)
	}
	if err != nil {
		return usageError(fs, "%v", err), true
	}
	if n := fs.NArg(); n < low || high >= 0 && n > high {
		return usageError(fs, "%d arguments after the flags, want %s", n, countRange(low, high)), true
	}
	return exitOK, false
}

// applyEnv sets each flag that the command line left alone from ORCHRT_<FLAG>,
// dashes as underscores.
func applyEnv(fs *pflag.FlagSet) error {
	var first error
	fs.VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		v, ok := os.LookupEnv(name)
		if !ok || f.Changed || first != nil {
			return
		}
		if err := fs.Set(f.Name, v); err != nil {
			first = fmt.Errorf("environment variable %s: %w", name, err)
		}
	})
	return first
}

// envName is the environment variable of a flag.
func envName(flag string) string {
	return "ORCHRT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// countRange says in words how many arguments are wanted.
func countRange(low, high int) string {
	switch {
	case high < 0:
		return fmt.Sprintf("at least %d", low)
	case low == high:
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

// usageError prints a message about wrong usage and returns its exit status.
func usageError(fs *pflag.FlagSet, format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "orchrt %s: %s\nTry: orchrt %s --help\n", fs.Name(), fmt.Sprintf(format, args...), fs.Name())
	return exitUsage
}

// failed prints err for a subcommand and returns the exit status of failure.
func failed(name string, err error) int {
	fmt.Fprintf(os.Stderr, "orchrt %s: %v\n", name, err)
	return exitFailed
}
