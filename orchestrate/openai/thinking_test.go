package openai

import (
	"errors"
	"slices"
	"testing"

	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/testdata"
	"orchrt/tokenizer"
)

// oneToken is a mask that allows one token, and refuses the others.
type oneToken int32

func (o oneToken) Allowed(buf []uint64) []uint64 {
	clear(buf)
	buf[o/64] = 1 << (o % 64)
	return buf
}

func (o oneToken) Accept(id int32) error {
	if id == 13 {
		return errors.New("13")
	}
	return nil
}

// TestLimitThinking runs tokens through the mask: it interferes in the thinking
// only, when its budget is spent.
func TestLimitThinking(t *testing.T) {
	in, err := testdata.Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	tok, err := tokenizer.FromJSON(in)
	if err != nil {
		t.Fatal(err)
	}
	open, _ := tok.ID("<think>")
	shut, _ := tok.ID("</think>")
	end, err := tok.Encode("\n\n"+cutThinking, true)
	if err != nil || slices.Index(end, shut) < 0 {
		t.Fatalf("%v, %v", end, err)
	}
	limited := func(prompt []int32, budget int, inner sampler.Mask) sampler.Forcer {
		j := &Job{b: &Backend{Tokenizer: tok}, Choices: []*Choice{{Request: runtime.Request{Prompt: prompt, Mask: inner}}}}
		if err := j.LimitThinking(budget); err != nil {
			t.Fatal(err)
		}
		return j.Choices[0].Request.Mask.(sampler.Forcer)
	}
	free := func(m sampler.Forcer) bool { return m.Allowed(make([]uint64, 4)) == nil && len(m.Forced(nil)) == 0 }
	accept := func(m sampler.Forcer, ids ...int32) {
		t.Helper()
		for _, id := range ids {
			if err := m.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	room := 100 - len(end)
	for name, m := range map[string]sampler.Forcer{
		"opened by the model":  limited([]int32{open, shut, 1}, 100, nil),
		"opened by the prompt": limited([]int32{1, open}, 100, nil),
	} {
		if name == "opened by the model" {
			accept(m, open)
		}
		for i := range room {
			if !free(m) {
				t.Fatalf("%s: interferes after %d tokens", name, i)
			}
			accept(m, 7)
		}
		buf := make([]uint64, (tok.Size()+63)/64)
		for i, id := range end {
			if got := m.Forced(nil); !slices.Equal(got, end[i:]) || m.Allowed(buf)[id/64] != 1<<(id%64) {
				t.Fatalf("%s: forces %v, want %v", name, got, end[i:])
			}
			accept(m, id)
		}
		for range 1000 {
			accept(m, 7)
		}
		if !free(m) {
			t.Errorf("%s: interferes in the answer", name)
		}
	}
	m := limited([]int32{open}, 100, nil)
	accept(m, 7, shut)
	for range 1000 {
		accept(m, 7)
	}
	if !free(m) {
		t.Error("interferes after thinking that ended by itself")
	}
	m = limited([]int32{1}, 100, oneToken(5))
	if m.Allowed(make([]uint64, 1))[0] != 1<<5 || m.Accept(13) == nil {
		t.Error("the mask inside is not asked")
	}
	j := &Job{b: &Backend{Tokenizer: tok}}
	if err := j.LimitThinking(len(end)); err == nil {
		t.Error("a budget without room for its end is accepted")
	}
}

// TestEffortBoundsThinking: the lower efforts put the bound around whatever mask
// the answer has.
func TestEffortBoundsThinking(t *testing.T) {
	b := qwenBackend(t, "", "")
	b.Context = 8192
	for body, left := range map[string]int{
		chatBody(`"reasoning_effort":"medium"`): 0, chatBody(`"reasoning_effort":"none"`): 0,
		chatBody(`"reasoning_effort":"minimal","n":2`): 256, toolBody(`"reasoning_effort":"low"`): 2048,
	} {
		j, err := prepare(t, b, body)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, c := range j.Choices {
			m, ok := c.Request.Mask.(*thinkingMask)
			if ok != (left > 0) || ok && m.left+len(m.end) != left {
				t.Errorf("%s: the mask is %+v, want a bound of %d tokens", body, c.Request.Mask, left)
			}
		}
	}
}
