package sampler

import "math"

// edit changes the logits in place before the mask and the temperature: bias,
// penalties, suppressed tokens. It notes what it overwrites.
func (s *Sampler) edit(logits []float32) {
	s.undo = s.undo[:0]
	for _, b := range s.bias {
		s.put(logits, b.ID, logits[b.ID]+b.Logprob)
	}
	if s.history != nil {
		s.penalise(logits)
	}
	for _, id := range s.params.Suppress {
		s.put(logits, id, float32(math.Inf(-1)))
	}
	if s.count < s.params.MinTokens {
		for _, id := range s.params.EOS {
			s.put(logits, id, float32(math.Inf(-1)))
		}
	}
}

// penalise applies the three penalties, each token's once. A logit that is not
// finite stays as it is.
func (s *Sampler) penalise(logits []float32) {
	p := &s.params
	repetition := float32(p.RepetitionPenalty)
	for _, o := range s.history.seen {
		x := logits[o.id]
		if x > 0 {
			x /= repetition
		} else {
			x *= repetition
		}
		if o.generated > 0 {
			x -= s.less(o)
		}
		s.put(logits, o.id, x)
	}
}

// put overwrites one logit and notes the old value. NaN stays, so that it is
// found.
func (s *Sampler) put(logits []float32, id int32, x float32) {
	old := logits[id]
	if old != old {
		return
	}
	s.undo = append(s.undo, Logprob{id, old})
	logits[id] = x
}

// restore takes the changes of edit back, the last first.
func (s *Sampler) restore(logits []float32) {
	for i := len(s.undo) - 1; i >= 0; i-- {
		logits[s.undo[i].ID] = s.undo[i].Logprob
	}
}
