package runtime

import (
	"context"
	"io"
	"iter"
	"sync"

	"orchrt/sampler"
)

// Stream is the output of one request. The engine never waits for its reader:
// tokens that nobody has read are kept, as many as the request may generate.
type Stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	params sampler.Params
	ready  chan struct{} // capacity 1: something came since the last look

	mu     sync.Mutex
	tokens []Token // not yet read
	err    error   // the end: io.EOF or a failure
}

func newStream(ctx context.Context, p sampler.Params) *Stream {
	s := &Stream{params: p, ready: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// Params are the sampling parameters in force, the seed included.
func (s *Stream) Params() sampler.Params { return s.params }

// Recv waits for the next token. After the last one it returns io.EOF. Any
// other error ended the generation: the context's, a *DeviceError, a
// *PanicError, ErrClosed, or the sampler's.
func (s *Stream) Recv() (Token, error) {
	for {
		if t, err, ok := s.poll(); ok {
			return t, err
		}
		select {
		case <-s.ready:
		case <-s.ctx.Done():
			if t, err, ok := s.poll(); ok {
				return t, err
			}
			return Token{}, context.Cause(s.ctx)
		}
	}
}

// poll returns what has come, if anything.
func (s *Stream) poll() (t Token, err error, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) > 0 {
		t, s.tokens = s.tokens[0], s.tokens[1:]
		return t, nil, true
	}
	return Token{}, s.err, s.err != nil
}

// Tokens returns the tokens from here on; a failure comes last, as an error.
// Leaving the loop early cancels the request.
func (s *Stream) Tokens() iter.Seq2[Token, error] {
	return func(yield func(Token, error) bool) {
		defer s.Close()
		for {
			t, err := s.Recv()
			if err == io.EOF || !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// Close cancels the request if it still runs: the engine gives its pages to
// others at the next step. It may be called more than once.
func (s *Stream) Close() { s.cancel() }

// push adds tokens.
func (s *Stream) push(list ...Token) {
	s.mu.Lock()
	s.tokens = append(s.tokens, list...)
	s.mu.Unlock()
	s.signal()
}

// end closes the stream with io.EOF or a failure.
func (s *Stream) end(err error) {
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	s.signal()
}

func (s *Stream) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
