package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// progress draws one bar on standard error where that is a terminal, and
// nothing elsewhere. Its methods may be called from several goroutines.
type progress struct {
	label string
	unit  string // "B" prints sizes in powers of 1024
	on    bool
	start time.Time

	mu   sync.Mutex
	last time.Time // of the last drawing
}

// newProgress returns a bar for work counted in unit.
func newProgress(label, unit string) *progress {
	return &progress{label: label, unit: unit, on: isTerminal(os.Stderr), start: time.Now()}
}

// isTerminal tells whether f is a terminal.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Update draws the state: done of total. At most ten drawings a second appear.
func (p *progress) Update(done, total int64) {
	if !p.on || total <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if done < total && now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last = now
	const width = 30
	full := int(float64(width) * float64(done) / float64(total))
	rate := float64(done) / max(now.Sub(p.start).Seconds(), 1e-3)
	fmt.Fprintf(os.Stderr, "\r%s [%s%s] %3d%% %s, %s/s \x1b[K", p.label, strings.Repeat("#", full),
		strings.Repeat(".", width-full), 100*done/total, p.amount(float64(total)), p.amount(rate))
}

// Done erases the bar.
func (p *progress) Done() {
	if p.on {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

// amount writes a quantity in the bar's unit.
func (p *progress) amount(v float64) string {
	if p.unit != "B" {
		return fmt.Sprintf("%.0f %s", v, p.unit)
	}
	for _, u := range []string{"B", "KiB", "MiB"} {
		if v < 1024 {
			return fmt.Sprintf("%.1f %s", v, u)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.1f GiB", v)
}
