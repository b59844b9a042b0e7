package score

import (
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// Quantiles describe many times.
type Quantiles struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// quantiles sorts times in nanoseconds and describes them in another unit. The
// quantile q is the smallest time that at least q of all do not exceed.
func quantiles(ns []uint32, unit float64) Quantiles {
	q := Quantiles{N: len(ns)}
	if q.N == 0 {
		return q
	}
	slices.Sort(ns)
	sum := 0.0
	for _, t := range ns {
		sum += float64(t)
	}
	at := func(permille int) float64 {
		return float64(ns[max(0, (q.N*permille+999)/1000-1)]) / unit
	}
	q.Mean = sum / float64(q.N) / unit
	q.P50, q.P90, q.P99, q.P999, q.Max = at(500), at(900), at(990), at(999), at(1000)
	return q
}

// clock returns the time in nanoseconds that the calling thread has run, which
// does not count what the machine does beside it. The goroutine must be locked
// to its thread.
func clock() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // the clock exists since Linux 2.6.12
	}
	return t.Nano()
}

// clockCost is what reading the clock itself takes, which each time holds once.
func clockCost() int64 {
	runtime.LockOSThread() // the clocks of two threads have nothing in common
	defer runtime.UnlockOSThread()
	best := int64(1 << 40)
	for range 1000 {
		t := clock()
		best = min(best, clock()-t)
	}
	return best
}
