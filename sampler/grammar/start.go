package grammar

import "slices"

// Matcher starts a turn after prompt, whose last turn tells where it starts:
// after <|im_start|>assistant, in a <think> that is open, after a </think>, or in
// the middle of an answer. The turn is then completed within maxTokens tokens,
// the one that ends it included; 0 is no limit. The error is *BudgetError if
// that cannot be, *TokenError if the prompt holds the beginning of an answer
// that is not allowed.
func (t *Turn) Matcher(prompt []int32, maxTokens int) (*Matcher, error) {
	m := &Matcher{t: t}
	begun := t.v.lastTurn(prompt)
	if slices.ContainsFunc(begun, func(id int32) bool { return slices.Contains(t.eos, id) }) {
		begun = nil // that turn is over
	}
	first := spot{stage: opening}
	if i := t.v.lastThink(begun); i >= 0 {
		first = spot{stage: thinking}
		if begun[i] == t.v.endThink {
			first = t.answer()
		} else {
			i = len(begun) - 1 // what was thought does not matter
		}
		begun = begun[i+1:]
	}
	m.path = []step{{spot: first}}
	for _, id := range begun {
		top := m.top().spot
		next, ok := t.next(top, id)
		if !ok {
			return nil, &TokenError{ID: id, Where: top.stage.where() + ", where the prompt has it"}
		}
		m.path = append(m.path, step{spot: next, id: id})
	}
	return m.limit(maxTokens)
}

// limit gives a matcher that has not moved its limit.
func (m *Matcher) limit(tokens int) (*Matcher, error) {
	m.start, m.max = len(m.path), tokens
	if tokens < 0 {
		return nil, &BudgetError{Max: tokens}
	}
	if tokens > 0 {
		if need := m.t.need(m.top().spot); need > tokens {
			return nil, &BudgetError{Max: tokens, Need: need}
		}
	}
	return m, nil
}

// lastTurn returns what the prompt holds of the assistant's turn that is to be
// made, behind its header. A prompt without turns is all thinking or text.
func (v *Vocabulary) lastTurn(prompt []int32) []int32 {
	start := -1
	if v.imStart >= 0 {
		for i := len(prompt) - 1; i >= 0 && start < 0; i-- {
			if prompt[i] == v.imStart {
				start = i
			}
		}
	}
	if start < 0 {
		if i := v.lastThink(prompt); i >= 0 && prompt[i] == v.think {
			return prompt[i:]
		}
		return nil
	}
	var header []byte
	for i, id := range prompt[start+1:] {
		header = append(header, v.table.Bytes(id)...)
		if end := slices.Index(header, '\n'); end >= 0 {
			if string(header) != "assistant\n" {
				return nil
			}
			return prompt[start+1+i+1:]
		}
	}
	return nil
}

// lastThink is the index of the last <think> or </think>, -1 if there is none.
func (v *Vocabulary) lastThink(ids []int32) int {
	for i := len(ids) - 1; i >= 0; i-- {
		if id := ids[i]; id >= 0 && (id == v.think || id == v.endThink) {
			return i
		}
	}
	return -1
}
