package runtime

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"orchrt/sampler"
)

// askMasks asks the masks of the sequences that draw a token in this step. It
// runs while the device computes the step: masks cost time only where they take
// longer than that.
func (e *Engine) askMasks() {
	list := e.masked[:0]
	for _, s := range e.running {
		if s.mask != nil && s.draws() {
			list = append(list, s)
		}
	}
	e.masked = list
	const share = 4 // masks that are worth a goroutine
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
			list[i].ask()
		}
	}
	var wg sync.WaitGroup
	for range min(len(list)/share, goruntime.GOMAXPROCS(0)-1) {
		wg.Go(work)
	}
	work()
	wg.Wait()
	clear(list)
}

// ask asks the mask. A panic is kept for draw.
func (s *sequence) ask() {
	defer s.caught(&s.failed)
	s.allowed, s.failed = s.sampler.Allowed(s.mask), nil
}

// caught makes an error of a panic, of a mask perhaps.
func (s *sequence) caught(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}

// begin takes in the tokens that the mask forces before anything is drawn. They
// are computed with the prompt, and go to the stream with the first token drawn.
func (s *sequence) begin() (err error) {
	defer s.caught(&err)
	_, err = s.force(nil)
	return err
}

// draw appends the next token to list, and those that it forces, and takes them
// in; what came before an error is in the list.
func (s *sequence) draw(logits []float32, list []Token) (_ []Token, err error) {
	defer s.caught(&err)
	if s.failed != nil {
		return list, s.failed
	}
	t, err := s.sample(logits)
	if err != nil {
		return list, err
	}
	list = s.early(list)
	s.sampler.Accept(t.ID)
	if err := s.accept(t.ID); err != nil {
		return list, err
	}
	s.drawn++
	s.fresh = 1
	list = append(list, Token{Token: t})
	switch last := &list[len(list)-1]; {
	case s.ends(t.ID):
		last.Finish = FinishStop
	case len(s.tokens) >= s.limit:
		last.Finish = FinishLength
	default:
		list, err = s.force(list)
	}
	now := time.Now()
	for i := range list {
		list[i].Cached, list[i].Started, list[i].Drawn = s.cached, s.started, now
	}
	return list, err
}

// sample draws from what the device found, or from all logits.
func (s *sequence) sample(logits []float32) (sampler.Token, error) {
	if !s.narrow {
		return s.sampler.SampleFrom(logits, s.allowed)
	}
	if s.broken != nil {
		return sampler.Token{}, s.broken
	}
	return s.sampler.SampleTop(s.found, s.allowed)
}

// early appends the tokens that begin took in, before the first is drawn.
func (s *sequence) early(list []Token) []Token {
	if s.drawn > 0 {
		return list
	}
	for _, id := range s.tokens[s.prompt:] {
		list = append(list, forced(id))
	}
	return list
}

// force takes in the tokens that the mask forces now, and appends them to list.
// The last token of an answer is always drawn, so that every end is one of draw.
func (s *sequence) force(list []Token) ([]Token, error) {
	if s.forcer == nil {
		return list, nil
	}
	s.run = s.forcer.Forced(s.run[:0])
	for _, id := range s.run {
		if id < 0 || int(id) >= s.vocab {
			return list, fmt.Errorf("runtime: the mask forces token %d, the vocabulary has %d", id, s.vocab)
		}
		if s.ends(id) || len(s.tokens)+1 >= s.limit {
			break
		}
		s.sampler.Force(id)
		if err := s.accept(id); err != nil {
			return list, err
		}
		s.fresh++
		list = append(list, forced(id))
	}
	return list, nil
}

func forced(id int32) Token {
	t := Token{Forced: true}
	t.ID = id
	return t
}

// accept takes a token in that the sampler knows already.
func (s *sequence) accept(id int32) error {
	if s.mask != nil {
		if err := s.mask.Accept(id); err != nil {
			return err
		}
	}
	s.tokens = append(s.tokens, id)
	s.extendKeys()
	return nil
}

// ends reports that id ends the generation.
func (s *sequence) ends(id int32) bool { return s.sampler.Ends(id) || slices.Contains(s.stops, id) }
