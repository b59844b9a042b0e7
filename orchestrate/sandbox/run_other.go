//go:build !linux

package sandbox

import "context"

// Main does nothing: only Linux has a launcher.
func Main() {}

func layers() []string { return nil }

func run(ctx context.Context, p Policy, argv []string, stdin []byte) (Outcome, error) {
	if p.Mode == Required {
		return Outcome{}, &MissingError{Missing: p.missing(nil), Why: []string{"no layer is known for this operating system"}}
	}
	return runPlain(ctx, p, argv, stdin)
}
