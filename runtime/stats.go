package runtime

import "sync"

// Stats is the state of an engine after its last step.
type Stats struct {
	Running int // sequences that hold pages
	Waiting int // requests that wait for a place or for pages

	PagesUsed   int // held by sequences
	PagesCached int // held by none, with content of the prefix cache
	PagesFree   int // that a sequence can get, the cached ones included

	// Counters since the engine was started.
	PromptTokens    uint64 // computed, without those found in the prefix cache
	CachedTokens    uint64 // prompt tokens found in the prefix cache
	GeneratedTokens uint64
	ForcedTokens    uint64 // of them, those that a mask forced
	Steps           uint64
	Rows            uint64 // computed in all steps, repeated work included
	Ahead           uint64 // steps queued before the one before them was read
	Misdrawn        uint64 // rows of them for other tokens than the host drew
	Preemptions     uint64
	Failures        uint64 // failed steps, and requests that failed in sampling

	// Failure is what ended the last step, nil if it ran well.
	Failure error
}

// counters are the engine's, and the copy that others see.
type counters struct {
	promptTokens, cachedTokens, generatedTokens, forcedTokens uint64
	steps, rows, aheads, misdrawn, preemptions, failures      uint64
	lastError                                                 error

	statsMu sync.Mutex
	stats   Stats
}

// publishStats makes the present state visible to Stats.
func (e *Engine) publishStats() {
	e.statsMu.Lock()
	defer e.statsMu.Unlock()
	e.stats = Stats{
		Running:   len(e.running),
		PagesUsed: e.pool.held, PagesCached: e.pool.idle, PagesFree: e.pool.available(),
		PromptTokens: e.promptTokens, CachedTokens: e.cachedTokens, GeneratedTokens: e.generatedTokens, ForcedTokens: e.forcedTokens,
		Steps: e.steps, Rows: e.rows, Ahead: e.aheads, Misdrawn: e.misdrawn, Preemptions: e.preemptions, Failures: e.failures, Failure: e.lastError,
	}
}

// Stats returns the engine's state.
func (e *Engine) Stats() Stats {
	e.statsMu.Lock()
	s := e.stats
	e.statsMu.Unlock()
	s.Waiting = max(len(e.places)-s.Running, 0)
	return s
}
