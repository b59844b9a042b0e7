package orchestrate

import (
	"cmp"
	"slices"
	"sync"
)

// Entry is one line of a Ledger: a turn of the policy, or what one model used
// in one call, or a call that used no model.
type Entry struct {
	Run     string     `json:"run"`
	Round   int        `json:"round"`
	Tool    string     `json:"tool"`            // "" for the policy
	Model   string     `json:"model,omitempty"` // "" for a tool that is none
	Call    string     `json:"call,omitempty"`  // id of the call
	First   bool       `json:"first,omitempty"` // the first entry of its call or turn: it counts as one
	Usage   ModelUsage `json:"usage"`
	Queries int        `json:"queries,omitempty"`
	USD     float64    `json:"usd"`
	Seconds float64    `json:"seconds"`         // wall clock
	Error   ErrorKind  `json:"error,omitempty"` // of a call that failed
}

// Ledger adds up what things cost. It is safe for concurrent use; the zero
// value is ready.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
}

// Add appends entries.
func (l *Ledger) Add(e ...Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e...)
}

// Entries returns a copy of the entries.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Sum is a row of a Ledger's summary.
type Sum struct {
	Tool    string  `json:"tool"` // "" for the policy
	Model   string  `json:"model,omitempty"`
	Calls   int     `json:"calls"`
	Errors  int     `json:"errors,omitempty"`
	Input   int     `json:"input_tokens"`
	Cached  int     `json:"cached_tokens,omitempty"`
	Output  int     `json:"output_tokens"`
	Think   int     `json:"thinking_tokens,omitempty"`
	Queries int     `json:"queries,omitempty"`
	USD     float64 `json:"usd"`
	Seconds float64 `json:"seconds"`
}

func (s *Sum) add(e Entry) {
	if e.First {
		s.Calls++
		if e.Error != "" {
			s.Errors++
		}
	}
	s.Input += e.Usage.Input
	s.Cached += e.Usage.Cached
	s.Output += e.Usage.Output
	s.Think += e.Usage.Think
	s.Queries += e.Queries
	s.USD += e.USD
	s.Seconds += e.Seconds
}

// By returns the sums of the entries that key puts together, in the order of
// tools and models; the policy is first. A key that is nil groups by tool and
// model.
func (l *Ledger) By(key func(Entry) Sum) []Sum {
	if key == nil {
		key = func(e Entry) Sum { return Sum{Tool: e.Tool, Model: e.Model} }
	}
	var sums []Sum
	at := make(map[Sum]int)
	for _, e := range l.Entries() {
		k := key(e)
		i, ok := at[k]
		if !ok {
			i = len(sums)
			at[k], sums = i, append(sums, k)
		}
		sums[i].add(e)
	}
	slices.SortStableFunc(sums, func(a, b Sum) int { return cmp.Or(cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Model, b.Model)) })
	return sums
}

// Total is the sum of everything. Its seconds are those of turns and calls
// added up, which is more than the clock shows where calls ran at the same time.
func (l *Ledger) Total() Sum {
	var s Sum
	for _, e := range l.Entries() {
		s.add(e)
	}
	return s
}

// Cost is Total as dollars and seconds.
func (l *Ledger) Cost() Cost {
	s := l.Total()
	return Cost{s.USD, s.Seconds}
}

// ToolLatency is the seconds of calls alone, as the paper's training counts
// latency.
func (l *Ledger) ToolLatency() float64 {
	var s float64
	for _, e := range l.Entries() {
		if e.Tool != "" {
			s += e.Seconds
		}
	}
	return s
}
