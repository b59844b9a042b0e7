package sandbox

import (
	"context"
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// try runs argv and demands that it ran.
func try(t *testing.T, p Policy, stdin string, argv ...string) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := Run(ctx, p, argv, []byte(stdin))
	if err != nil {
		t.Fatalf("%q: %v\nstdout %q\nstderr %q", argv, err, out.Stdout, out.Stderr)
	}
	return out
}
