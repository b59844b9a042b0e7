package runtime

import (
	"context"
	"errors"
	"fmt"
	"iter"
	goruntime "runtime"
	"slices"
	"sync"

	"orchrt/kernels"
	"orchrt/sampler"
)

// EngineOptions are the engine's sizes. Zero values are replaced as given.
type EngineOptions struct {
	Parallel int // sequences that run at once; 0: 4
	Context  int // tokens of prompt and answer together; 0: the model's
	Chunk    int // rows in one step, of prompts and generation together; 0: 512
	// Mixed bounds the rows of prompts in a step in which other sequences
	// generate: they wait for all of it. 0: Chunk.
	Mixed int
	Cache kernels.CacheType
	// CachePages is the size of the KV cache in pages of 64 tokens, shared by all
	// sequences and the prefix cache; 0: what MemoryShare leaves, or without it Context for one
	// sequence and a page for each further one. Fewer than Context needs is an error.
	CachePages int
	// MemoryShare is the part of the device's memory, 0 to 1, that weights,
	// activations and KV cache may take together, for devices with a memory of their own.
	MemoryShare float64
	Queue       int // requests that may wait beyond Parallel; 0: 256, below 0: none
}

// complete fills in the defaults and checks the rest.
func (o EngineOptions) complete(m *Model) (EngineOptions, error) {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&o.Parallel, 4)
	set(&o.Context, m.Context)
	set(&o.Chunk, 512)
	set(&o.Mixed, o.Chunk)
	set(&o.Queue, 256)
	o.Queue = max(o.Queue, 0)
	if o.Parallel < 1 || o.Parallel > 1<<16 || o.Queue > 1<<24 {
		return o, fmt.Errorf("runtime: %d sequences and a queue of %d are not possible", o.Parallel, o.Queue)
	}
	if o.Context < 2 || o.Context > m.Context {
		return o, fmt.Errorf("runtime: a context of %d is not possible: the model was loaded for 2 to %d tokens", o.Context, m.Context)
	}
	if o.Chunk < 1 || o.Chunk > 1<<20 {
		return o, fmt.Errorf("runtime: a chunk of %d rows is not possible: from 1 to %d is", o.Chunk, 1<<20)
	}
	if o.Mixed < 1 {
		return o, fmt.Errorf("runtime: %d rows of prompts beside others that generate are not possible", o.Mixed)
	}
	if o.MemoryShare < 0 || o.MemoryShare > 1 {
		return o, fmt.Errorf("runtime: a share of %g of the device's memory is not possible: from 0 to 1 is", o.MemoryShare)
	}
	if o.MemoryShare > 0 && o.CachePages == 0 {
		if o.CachePages = m.pagesIn(o); o.CachePages < pagesFor(o.Context) {
			return o, m.noRoom(o)
		}
	}
	set(&o.CachePages, pagesFor(o.Context)+o.Parallel-1)
	if least := pagesFor(o.Context); o.CachePages < least || o.CachePages > 1<<24 {
		return o, fmt.Errorf("runtime: a KV cache of %d pages is not possible: a context of %d tokens needs at least %d", o.CachePages, o.Context, least)
	}
	return o, nil
}

// pagesIn is the number of pages that MemoryShare leaves room for.
func (m *Model) pagesIn(o EngineOptions) int {
	free, total := m.dev.Memory()
	room := int64(o.MemoryShare*float64(total)) - (total - free) - m.workBytes(o)
	return int(max(0, min(room/m.pageBytes(o.Cache), 1<<24)))
}

// workBytes is what an engine takes beside the KV cache.
func (m *Model) workBytes(o EngineOptions) int64 {
	return m.scratchBytes(max(o.Chunk, o.Parallel), o.Parallel) + 4*int64(o.Parallel)*int64(m.Config.Vocab)
}

// noRoom says how much memory is missing for one sequence.
func (m *Model) noRoom(o EngineOptions) error {
	free, total := m.dev.Memory()
	need := m.pageBytes(o.Cache)*int64(pagesFor(o.Context)) + m.workBytes(o)
	have := max(0, int64(o.MemoryShare*float64(total))-(total-free))
	return fmt.Errorf("runtime: a context of %d tokens takes %s with what a step needs, but of %s of %s, %.0f %% may be used and %s are left after the weights: %s too few: "+
		"choose a smaller context, an 8-bit cache, fewer sequences or a larger share of the memory",
		o.Context, size(need), size(total), m.dev.Name(), 100*o.MemoryShare, size(have), size(need-have))
}

// Engine runs requests on a model. Its methods may be called by any goroutine;
// the model and its device belong to the engine until Close returns.
type Engine struct {
	model *Model
	opt   EngineOptions

	places  chan struct{}  // one for each request in the engine
	submit  chan *sequence // as long as places: sending never waits
	closing chan struct{}  // closed: no new requests
	killed  chan struct{}  // closed: end those that are here
	stopped chan struct{}  // closed: the goroutine is gone
	broken  chan struct{}  // closed: the device failed for good

	mu      sync.Mutex
	closed  bool
	failure error // why, where the device failed for good; guarded by mu
	kill    sync.Once
	nextID  uint64 // of sequences, guarded by mu

	// The rest belongs to the engine's goroutine.
	scratch *Scratch
	batch   *batchBuilder
	kv      []kernels.Cache // of each layer
	pool    *pagePool
	choice  *choice     // where the device chooses; or nil
	y       kernels.Mat // logits of the step at work
	ahead   kernels.Mat // logits of the step that was queued behind it
	queued  bool        // the step at work was queued before the last one was read
	logits  []float32   // [Parallel, vocab] read from the device
	waiting []*sequence // without pages, in order of id
	running []*sequence // in order of id
	masked  []*sequence // scratch of askMasks
	drawn   []Token     // scratch of next
	aborted bool        // Close ended requests; read after stopped

	counters
}

// NewEngine allocates the KV cache and the activations for m and starts the
// engine's goroutine. Everything is allocated here; requests allocate nothing
// on the device.
func NewEngine(m *Model, opt EngineOptions) (*Engine, error) {
	opt, err := opt.complete(m)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		model: m, opt: opt,
		places: make(chan struct{}, opt.Parallel+opt.Queue), submit: make(chan *sequence, opt.Parallel+opt.Queue),
		closing: make(chan struct{}), killed: make(chan struct{}), stopped: make(chan struct{}), broken: make(chan struct{}),
		pool: newPagePool(opt.CachePages),
	}
	if err := e.allocate(); err != nil {
		e.free()
		return nil, err
	}
	e.publishStats()
	go e.loop()
	return e, nil
}

// allocate takes the device's memory, and the host's for the logits.
func (e *Engine) allocate() (err error) {
	m, opt := e.model, e.opt
	rows := max(opt.Chunk, opt.Parallel)
	if err := e.checkMemory(); err != nil {
		return err
	}
	e.logits = make([]float32, opt.Parallel*m.Config.Vocab)
	if e.scratch, err = m.NewScratch(rows, opt.Parallel); err != nil {
		return err
	}
	if e.batch, err = newBatchBuilder(m.dev, rows, opt.Parallel, opt.Parallel, pagesFor(opt.Context)); err != nil {
		return err
	}
	if dev, ok := m.dev.(kernels.Chooser); ok {
		if e.choice, err = newChoice(dev, opt.Parallel, m.Config.Vocab, m.tokens); err != nil {
			return err
		}
	}
	e.kv, err = m.newCaches(opt.Cache, opt.CachePages)
	return err
}

// checkMemory refuses sizes that do not fit before anything is allocated. The
// host's copy of the logits counts too: on a CPU it is the same memory.
func (e *Engine) checkMemory() error {
	m, opt := e.model, e.opt
	cache := m.pageBytes(opt.Cache) * int64(opt.CachePages)
	work := m.workBytes(opt)
	if free, total := m.dev.Memory(); total > 0 && cache+work > free {
		return fmt.Errorf("runtime: the KV cache of %d tokens takes %s and %d sequences at once take %s, but %s has %s free: "+
			"choose a smaller context, fewer sequences or an 8-bit cache",
			opt.CachePages*kernels.PageTokens, size(cache), opt.Parallel, size(work), m.dev.Name(), size(free))
	}
	return nil
}

// free gives the device's memory back.
func (e *Engine) free() {
	if e.scratch != nil {
		e.scratch.Free()
	}
	if e.batch != nil {
		e.batch.free()
	}
	if e.choice != nil {
		e.choice.free()
	}
	e.model.freeCaches(e.kv)
}

// Options are the sizes in force.
func (e *Engine) Options() EngineOptions { return e.opt }

// Submit takes a request in. What is wrong with it is said at once: a
// *LimitError or *sampler.ParamError names the field, ErrBusy means that the
// queue is full, ErrClosed that the engine is closed, a *DeviceError that its device failed for good; what a mask says that has
// tokens to force at once comes as it is. Cancelling ctx ends the
// request between two steps, or sooner if all others in the step have gone too.
// The caller reads the Stream or closes it.
func (e *Engine) Submit(ctx context.Context, r Request) (*Stream, error) {
	n, err := r.check(e.opt.Context, e.model.tokens)
	if err != nil {
		return nil, err
	}
	s, err := sampler.New(r.params(e.model.eos, e.model.suppress), e.model.tokens)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if r.Choice != 0 {
		s = s.Fork(uint64(r.Choice))
	}
	select {
	case e.places <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	s.AcceptPrompt(r.Prompt)
	seq := &sequence{
		stream: newStream(ctx, s.Params()), sampler: s, mask: r.Mask,
		tokens: slices.Clone(r.Prompt), prompt: len(r.Prompt), limit: len(r.Prompt) + n,
		stops: slices.Clone(r.StopIDs), vocab: e.model.tokens,
	}
	seq.ctx = seq.stream.ctx
	if s.Params().Logprobs < 0 {
		seq.forcer, _ = r.Mask.(sampler.Forcer)
	}
	seq.extendKeys()
	err = seq.begin()
	if err == nil {
		err = e.enqueue(seq)
	}
	if err != nil {
		<-e.places
		seq.stream.cancel()
		return nil, err
	}
	return seq.stream, nil
}

// enqueue hands a sequence to the engine's goroutine, in order of id.
func (e *Engine) enqueue(s *sequence) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure != nil {
		return e.failure
	}
	if e.closed {
		return ErrClosed
	}
	e.nextID++
	s.id = e.nextID
	e.submit <- s // has room for every place
	return nil
}

// Generate runs a request: its tokens in order, a failure last, as an error.
// Leaving the loop cancels the request.
func (e *Engine) Generate(ctx context.Context, r Request) iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		s, err := e.Submit(ctx, r)
		if err != nil {
			yield(Token{}, err)
			return
		}
		s.Tokens()(yield)
	}
}

// Close takes no more requests, lets those in the engine finish until ctx is
// done, ends the rest with ErrClosed, and frees the device's memory. It returns
// ctx's error if requests were ended.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.closing)
	}
	e.mu.Unlock()
	select {
	case <-e.stopped:
		return nil
	case <-ctx.Done():
	}
	e.kill.Do(func() { close(e.killed) })
	<-e.stopped
	if e.aborted {
		return context.Cause(ctx)
	}
	return nil
}

// Failed is closed when the device has failed for good: its failures stick. All requests have then ended, or end, with a
// *DeviceError, the device's memory is given back, and Submit returns the error. Stats has it too.
func (e *Engine) Failed() <-chan struct{} { return e.broken }

// loop is the engine's goroutine.
func (e *Engine) loop() {
	goruntime.LockOSThread()
	defer close(e.stopped)
	defer e.free()
	end := ErrClosed
	for e.receive() {
		e.step()
		e.publishStats()
		if err := e.lost(); err != nil {
			end = err
			break
		}
	}
	e.aborted = len(e.running)+len(e.waiting)+len(e.submit) > 0
	for len(e.submit) > 0 {
		e.waiting = append(e.waiting, <-e.submit)
	}
	e.endAll(end)
	e.publishStats()
}

// lost takes no more requests where the failure of the last step sticks, and returns it.
func (e *Engine) lost() error {
	var failure *DeviceError
	if !errors.As(e.lastError, &failure) || e.model.dev.Read(nil, kernels.Buf{}) == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.failure = true, failure
	close(e.broken)
	return failure
}

// receive takes what was submitted, waiting if there is nothing else to do; it
// returns false when the loop must end.
func (e *Engine) receive() bool {
	if len(e.running)+len(e.waiting) == 0 {
		select {
		case s := <-e.submit:
			e.waiting = append(e.waiting, s)
		case <-e.closing:
			if len(e.submit) == 0 {
				return false
			}
		}
	}
	for len(e.submit) > 0 {
		e.waiting = append(e.waiting, <-e.submit)
	}
	select {
	case <-e.killed:
		return false
	default:
		return true
	}
}

// endAll ends every request.
func (e *Engine) endAll(err error) {
	for len(e.running) > 0 {
		e.finish(e.running[len(e.running)-1], err)
	}
	for _, s := range e.waiting {
		e.leave(s, err)
	}
	e.waiting = nil
}
