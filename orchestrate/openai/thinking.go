package openai

import (
	"slices"

	"orchrt/sampler"
)

// cutThinking is how Qwen ends a thinking whose budget is spent: the model has
// learnt to go on from there (Qwen3 technical report, section 4.3).
const cutThinking = "Considering the limited time by the user, I have to give the solution based on the thinking directly now.\n</think>\n\n"

// readEffort reads the value of reasoning_effort, which stands at path: whether
// the model thinks at all, and the bound on its thinking in tokens, 0 for none.
// A model has no degrees of thinking but its length: the lower two efforts cut it
// off, from medium on it is left to the model.
func readEffort(o *object, path, effort string) (think bool, budget int) {
	switch effort {
	case "none":
		return false, 0
	case "minimal":
		return true, 256
	case "low":
		return true, 2048
	case "medium", "high", "xhigh":
		return true, 0
	}
	o.fail(invalid(path, CodeInvalidValue, "%q must be none, minimal, low, medium, high or xhigh, not %q", path, clip(effort)))
	return true, 0
}

// LimitThinking bounds the thinking of each choice to tokens, the words that
// end it included. It is called before Run.
func (j *Job) LimitThinking(tokens int) *Error {
	open, ok1 := j.b.Tokenizer.ID("<think>")
	shut, ok2 := j.b.Tokenizer.ID("</think>")
	if !ok1 || !ok2 {
		return invalid("thinking", CodeUnsupported, "the model has no tokens around its thinking, so that it cannot be bounded")
	}
	end, err := j.b.Tokenizer.Encode("\n\n"+cutThinking, true)
	if err != nil {
		return internal(err)
	}
	if tokens <= len(end) {
		return invalid("thinking", CodeInvalidValue, "the thinking may not be bounded to less than %d tokens", len(end)+1)
	}
	for _, c := range j.Choices {
		m := &thinkingMask{inner: c.Request.Mask, open: open, shut: shut, end: end, left: tokens - len(end)}
		for _, id := range slices.Backward(c.Request.Prompt) {
			if id == open || id == shut {
				m.inside = id == open
				break
			}
		}
		c.Request.Mask = m
	}
	return nil
}

// thinkingMask is a mask that ends the thinking when its budget is spent.
type thinkingMask struct {
	inner      sampler.Mask // nil: every token is allowed
	open, shut int32
	end        []int32 // what ends the thinking
	inside     bool    // in the thinking
	cutting    bool    // end[at] comes next
	at         int
	left       int // tokens of thinking before end must begin
}

// Allowed implements sampler.Mask.
func (m *thinkingMask) Allowed(buf []uint64) []uint64 {
	switch {
	case m.cutting:
		clear(buf)
		buf[m.end[m.at]/64] = 1 << (m.end[m.at] % 64)
		return buf
	case m.inner == nil:
		return nil
	}
	return m.inner.Allowed(buf)
}

// Accept implements sampler.Mask.
func (m *thinkingMask) Accept(id int32) error {
	if m.inner != nil {
		if err := m.inner.Accept(id); err != nil {
			return err
		}
	}
	switch {
	case m.cutting:
		if m.at++; m.at == len(m.end) {
			m.cutting, m.inside, m.at = false, false, 0
		}
	case id == m.open:
		m.inside = true
	case id == m.shut:
		m.inside = false
	case m.inside:
		m.left--
		m.cutting = m.left <= 0
	}
	return nil
}

// Forced implements sampler.Forcer.
func (m *thinkingMask) Forced(dst []int32) []int32 {
	if m.cutting {
		return append(dst, m.end[m.at:]...)
	}
	if f, ok := m.inner.(sampler.Forcer); ok {
		return f.Forced(dst)
	}
	return dst
}
