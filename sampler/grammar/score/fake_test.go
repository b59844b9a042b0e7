package score

import (
	"errors"
	"slices"
	"strings"
	"time"

	"orchrt/sampler/grammar"
)

// bytesSource is a vocabulary of the 256 bytes, a few longer tokens and the
// added ones, each as an id from 256 on, and one row of padding.
type bytesSource struct{ more []string }

const firstAdded = 256

func newSource() bytesSource {
	return bytesSource{[]string{"<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>", "<|im_start|>", `{"`, `": `, `, "`, `true`, `false`, `}}`, "\n"}}
}

func (s bytesSource) Size() int { return 256 + len(s.more) + 1 }

func (s bytesSource) Bytes(id int32) []byte {
	switch {
	case id < 0 || int(id) >= 256+len(s.more):
		return nil
	case id < 256:
		return []byte{byte(id)}
	}
	return []byte(s.more[id-256])
}

func (s bytesSource) IsControl(id int32) bool {
	return id >= firstAdded && id < firstAdded+6 && id != firstAdded+1 && id != firstAdded+2
}

func (s bytesSource) IsUnused(id int32) bool { return int(id) == s.Size()-1 }

func (s bytesSource) ID(token string) (int32, bool) {
	if len(token) == 1 {
		return int32(token[0]), true
	}
	i := slices.Index(s.more, token)
	return int32(256 + i), i >= 0
}

// AppendEncode takes the longest token at each place, after replacing one
// decomposed character by its composed form, as normalisation would.
func (s bytesSource) AppendEncode(dst []int32, text string, special bool) ([]int32, error) {
	text = strings.ReplaceAll(text, "e\u0301", "\u00e9")
	for len(text) > 0 {
		best, id := 1, int32(text[0])
		for i, m := range s.more {
			if (special || i >= 6) && len(m) > best && strings.HasPrefix(text, m) {
				best, id = len(m), int32(256+i)
			}
		}
		dst = append(dst, id)
		text = text[best:]
	}
	return dst, nil
}

// finite is a decoder that lets a few texts through, whatever the schema, and
// fails as it is told.
type finite struct {
	src   bytesSource
	ids   ids
	texts []string

	refuse   error
	panics   bool
	hang     time.Duration // in each mask
	stray    bool          // allows <think> anywhere
	deadEnd  string        // the mask after this text is empty
	lies     bool          // the mask allows what Accept does not
	noBack   bool          // Rollback does nothing
	noEnd    bool          // the end is never allowed
	anything bool          // everything is allowed
}

func (d *finite) document([]byte, bool, grammar.Style) (follower, error) { return d, d.refuse }
func (d *finite) turn([]grammar.Tool, grammar.Style) (follower, error)   { return d, d.refuse }
func (d *finite) warnings() []grammar.Warning                            { return nil }

func (d *finite) start(maxTokens int) (matcher, error) {
	if maxTokens > 0 && maxTokens < 4 {
		return nil, &grammar.BudgetError{Max: maxTokens, Need: 4}
	}
	return &finiteMatcher{d: d}, nil
}

type finiteMatcher struct {
	d    *finite
	toks []int32
}

// text is what was written, with the added tokens as no ordinary token can.
func (m *finiteMatcher) text() string {
	var b strings.Builder
	for _, id := range m.toks {
		b.WriteString(m.d.piece(id))
	}
	return b.String()
}

func (d *finite) piece(id int32) string {
	switch id {
	case d.ids.call:
		return callMark
	case d.ids.endCall:
		return endMark
	}
	return string(d.src.Bytes(id))
}

const (
	callMark = "\x01" // <tool_call>
	endMark  = "\x02" // </tool_call>
)

// allows reports that id may follow now, which m wrote.
func (m *finiteMatcher) allows(now string, id int32) bool {
	if m.Done() || m.d.src.IsUnused(id) || id == int32(callMark[0]) || id == int32(endMark[0]) {
		return false
	}
	if m.d.anything {
		return id != m.d.ids.eos || len(now) > 0
	}
	if id == m.d.ids.eos {
		return slices.Contains(m.d.texts, now) && !m.d.noEnd
	}
	if m.d.src.IsControl(id) {
		return m.d.stray
	}
	piece := m.d.piece(id)
	return slices.ContainsFunc(m.d.texts, func(t string) bool {
		rest, ok := strings.CutPrefix(t, now)
		return ok && strings.HasPrefix(rest, piece)
	})
}

func (m *finiteMatcher) Allowed(buf []uint64) []uint64 {
	if m.d.panics {
		panic("a bug")
	}
	time.Sleep(m.d.hang)
	clear(buf)
	now := m.text()
	if m.d.deadEnd != "" && now == m.d.deadEnd {
		return buf
	}
	for id := range int32(m.d.src.Size()) {
		if m.allows(now, id) || m.d.lies && id == 'z' {
			buf[id/64] |= 1 << (id % 64)
		}
	}
	return buf
}

func (m *finiteMatcher) Accept(id int32) error {
	if !m.allows(m.text(), id) {
		return errors.New("not allowed")
	}
	m.toks = append(m.toks, id)
	return nil
}

// Forced gives the next token if all texts go on with it.
func (m *finiteMatcher) Forced(dst []int32) []int32 {
	now := m.text()
	next := int32(-1)
	for _, t := range m.d.texts {
		rest, ok := strings.CutPrefix(t, now)
		if !ok {
			continue
		}
		if rest == "" {
			return dst
		}
		ids, _ := m.d.src.AppendEncode(nil, strings.ReplaceAll(strings.ReplaceAll(rest, callMark, "<tool_call>"), endMark, "</tool_call>"), true)
		if next >= 0 && next != ids[0] {
			return dst
		}
		next = ids[0]
	}
	if next < 0 {
		return dst
	}
	return append(dst, next)
}

func (m *finiteMatcher) Rollback(n int) error {
	if !m.d.noBack {
		m.toks = m.toks[:len(m.toks)-n]
	}
	return nil
}

// Complete gives the rest of a text but for what closes a call.
func (m *finiteMatcher) Complete(dst []int32) ([]int32, bool) {
	now := m.text()
	for _, t := range m.d.texts {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(t, endMark), now); ok && rest != "" && !strings.Contains(rest, callMark) {
			ids, _ := m.d.src.AppendEncode(dst, rest, false)
			return ids, true
		}
	}
	return dst, false
}

func (m *finiteMatcher) Done() bool {
	return len(m.toks) > 0 && m.toks[len(m.toks)-1] == m.d.ids.eos
}
