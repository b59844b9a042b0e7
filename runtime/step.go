package runtime

import (
	"cmp"
	"context"
	"io"
	"runtime/debug"
	"slices"
	"time"

	"orchrt/kernels"
)

// step runs one step: it chooses the rows, runs them, and gives each sequence
// whose rows are all computed its next token.
//
// A failure of the device ends the sequences that have rows in this step, and
// no others.
func (e *Engine) step() {
	defer func() {
		if v := recover(); v != nil {
			e.afterPanic(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	e.dropCancelled()
	if !e.resume() {
		e.admit()
		e.plan()
		if !e.build() {
			return
		}
		e.queued = false
	}
	ran, err := e.run()
	if err != nil {
		e.stay()
		e.failed(err)
		for _, s := range slices.Clone(e.running) {
			if s.rows > 0 {
				e.finish(s, err)
			}
		}
		return
	}
	e.lastError = nil
	if ran {
		e.deliver()
	}
}

// afterPanic ends the sequences of the step. Nothing is known of the pages any
// more: the cache is emptied, and the other sequences are computed anew.
func (e *Engine) afterPanic(err error) {
	e.stay()
	e.failed(err)
	hit := func(s *sequence) bool { return s.rows > 0 }
	all := !slices.ContainsFunc(e.running, hit)
	for _, s := range e.running {
		ends := all || hit(s)
		s.pages, s.done, s.rows, s.resumed = nil, 0, 0, true
		if ends {
			e.leave(s, err)
		} else {
			e.waiting = insert(e.waiting, s)
		}
	}
	e.running = nil
	e.pool = newPagePool(e.opt.CachePages)
}

// dropCancelled ends the sequences whose caller has gone.
func (e *Engine) dropCancelled() {
	for i := 0; i < len(e.running); {
		s := e.running[i]
		if s.ctx.Err() == nil {
			i++
			continue
		}
		e.finish(s, context.Cause(s.ctx))
	}
	e.waiting = slices.DeleteFunc(e.waiting, func(s *sequence) bool {
		gone := s.ctx.Err() != nil
		if gone {
			e.leave(s, context.Cause(s.ctx))
		}
		return gone
	})
}

// admit moves waiting sequences to the running ones, in order of arrival, while
// there is a place and pages for all their tokens, and one more page for each
// that runs, so that they do not have to leave again at once. The first always
// gets in: the pool has pages for one full context.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && len(e.running) < e.opt.Parallel {
		s := e.waiting[0]
		if len(e.running) > 0 && e.shortage(s)+len(e.running) > 0 {
			return
		}
		e.waiting = slices.Delete(e.waiting, 0, 1)
		e.running = insert(e.running, s)
	}
}

// shortage is the number of pages that s needs for its tokens and the next,
// less those that it would find or could take.
func (e *Engine) shortage(s *sequence) int {
	need, free := pagesFor(len(s.tokens)+1), e.pool.available()
	for i := 0; i < len(s.keys) && (i+1)*kernels.PageTokens < len(s.tokens); i++ {
		page, ok := e.pool.find(s.keys[i])
		if !ok {
			break
		}
		need--
		if e.pool.refs[page] == 0 { // idle: it was counted as available
			free--
		}
	}
	return need - free
}

// insert adds a sequence to a list in order of id.
func insert(list []*sequence, s *sequence) []*sequence {
	at, _ := slices.BinarySearchFunc(list, s.id, func(x *sequence, id uint64) int { return cmp.Compare(x.id, id) })
	return slices.Insert(list, at, s)
}

// plan sets the rows of each running sequence: one for those that generate,
// then their forced tokens, then prompts, the oldest first, up to the step's
// budget; and gives them pages.
func (e *Engine) plan() {
	generating := 0
	for _, s := range e.running {
		s.rows = 0
		if s.generates() {
			s.rows = 1
			generating++
		}
	}
	budget := e.opt.Chunk - generating
	if generating > 0 {
		budget = min(budget, e.opt.Mixed)
	}
	kept := min(len(e.running)-generating, 1) // for the prompts, which go on however many generate
	for _, s := range e.running {
		if more := min(s.pending()-1, budget-kept); s.rows == 1 && more > 0 {
			s.rows += more
			budget -= more
		}
	}
	budget = max(budget, 1)
	for i, s := range e.running {
		if s.rows == 0 && budget > 0 {
			s.rows = e.planPrompt(i, s, budget)
			budget -= s.rows
		}
	}
	for i := 0; i < len(e.running); i++ {
		e.givePages(e.running[i])
	}
}

// planPrompt returns how many tokens of a prompt to run, after taking over the
// pages that are known already. A page that an older sequence is about to
// finish is waited for. A chunk that does not reach the end of the prompt ends
// with a page.
func (e *Engine) planPrompt(i int, s *sequence, budget int) int {
	e.shareKnown(s)
	if key, ok := s.shareable(); ok {
		page := s.done / kernels.PageTokens
		for _, older := range e.running[:i] {
			if older.willCompute(page, key) {
				return 0
			}
		}
	}
	end := min(len(s.tokens), s.done+budget)
	if cut := end - end%kernels.PageTokens; end < len(s.tokens) && cut > s.done {
		end = cut
	}
	return end - s.done
}

// shareKnown takes over pages that hold the next tokens of s.
func (e *Engine) shareKnown(s *sequence) {
	for {
		key, ok := s.shareable()
		if !ok {
			break
		}
		page, ok := e.pool.find(key)
		if !ok {
			break
		}
		e.pool.take(page)
		s.pages = append(s.pages, page)
		if !s.resumed && s.done < s.prompt {
			s.cached += min(kernels.PageTokens, s.prompt-s.done)
		}
		s.done += kernels.PageTokens
	}
}

// givePages extends the page table of s over its rows. If no page is left, the
// youngest sequence gives way, which may be s itself. The oldest never does:
// the pool has pages for one full context.
func (e *Engine) givePages(s *sequence) {
	for s.rows > 0 && len(s.pages)*kernels.PageTokens < s.done+s.rows {
		page, ok := e.pool.alloc()
		if ok {
			s.pages = append(s.pages, page)
			continue
		}
		e.preempt(e.running[len(e.running)-1])
	}
}

// preempt takes the pages of a sequence away; it waits and is computed anew.
// What it has generated stands, and so does its sampler's state.
func (e *Engine) preempt(s *sequence) {
	e.remove(s)
	s.done, s.rows, s.resumed = 0, 0, true
	e.waiting = insert(e.waiting, s)
	e.preemptions++
}

// build collects the rows of the step; false means that there are none.
func (e *Engine) build() bool {
	b, now := e.batch, time.Now()
	b.reset()
	for _, s := range e.running {
		if s.rows == 0 {
			continue
		}
		if s.started.IsZero() {
			s.started = now
		}
		b.add(s.tokens[s.done:s.done+s.rows], s.done, s.pages)
		if s.draws() {
			s.row = b.wantLast()
		}
	}
	return len(b.ids) > 0
}

// run computes the step unless it is queued already, asks the masks meanwhile,
// and reads what the sequences draw from; false means that it was left unfinished
// because nobody wants it any more.
func (e *Engine) run() (ran bool, err error) {
	m, ran := e.model, true
	if !e.queued {
		b := e.batch.upload(false)
		b.Stop = e.unwanted
		e.y, ran = m.Forward(e.scratch, e.kv, b)
		e.count()
	}
	if ran {
		e.askMasks()
	}
	// A step without wanted rows is waited for, too: the device's queue stays
	// short and a failure hits the sequences that caused it.
	if err := e.readLogits(ran); err != nil {
		return false, &DeviceError{Device: m.dev.Name(), Err: err}
	}
	return ran, nil
}

// count counts the step that was queued.
func (e *Engine) count() {
	e.steps++
	e.rows += uint64(len(e.batch.ids))
}

// unwanted reports that everyone with rows in this step has gone.
func (e *Engine) unwanted() bool {
	select {
	case <-e.killed:
		return true
	default:
	}
	return !slices.ContainsFunc(e.running, func(s *sequence) bool { return s.rows > 0 && s.ctx.Err() == nil })
}

// deliver records what was computed and samples.
func (e *Engine) deliver() {
	vocab := e.model.Config.Vocab
	for i := 0; i < len(e.running); {
		s := e.running[i]
		if s.rows == 0 {
			i++
			continue
		}
		draws := s.draws()
		e.advance(s)
		if !draws {
			i++
			continue
		}
		if e.next(s, e.logits[s.row*vocab:(s.row+1)*vocab]) {
			i++
		}
	}
}

// advance takes the rows of s as done and makes its full pages known.
func (e *Engine) advance(s *sequence) {
	first := s.done / kernels.PageTokens
	s.done += s.rows
	for p := first; p < s.done/kernels.PageTokens; p++ {
		e.pool.publish(s.pages[p], s.keys[p])
	}
}

// next draws a token of s; it returns false if s has ended.
func (e *Engine) next(s *sequence, logits []float32) bool {
	if s.drawn == 0 {
		e.promptTokens += uint64(s.prompt - s.cached)
		e.cachedTokens += uint64(s.cached)
	}
	list, err := s.draw(logits, e.drawn[:0])
	e.drawn = list
	s.stream.push(list...)
	e.generatedTokens += uint64(len(list))
	for i := range list {
		if list[i].Forced {
			e.forcedTokens++
		}
	}
	switch {
	case err != nil:
		e.failures++
		e.finish(s, err)
		return false
	case list[len(list)-1].Finish != FinishNone:
		e.finish(s, io.EOF)
		return false
	}
	return true
}

// finish ends a running sequence.
func (e *Engine) finish(s *sequence, err error) {
	e.remove(s)
	e.leave(s, err)
}

// remove takes a sequence out of the running ones and its pages away.
func (e *Engine) remove(s *sequence) {
	e.running = slices.DeleteFunc(e.running, func(x *sequence) bool { return x == s })
	e.pool.releaseAll(s.pages)
	s.pages = s.pages[:0]
}

// leave ends the stream of a sequence that holds no pages and frees its place.
func (e *Engine) leave(s *sequence, err error) {
	<-e.places
	s.stream.end(err)
	s.stream.cancel()
}

// failed counts a failed step.
func (e *Engine) failed(err error) {
	e.failures++
	e.lastError = err
}
