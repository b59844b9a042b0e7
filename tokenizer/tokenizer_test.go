package tokenizer

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

func TestInvalidUTF8IsRefused(t *testing.T) {
	tok := mustNew(t, tinyVocab("a+b"))
	for text, offset := range map[string]int{
		"\xff": 0, "abc\x80": 3, "\u00e9\xe2\x82": 2, "\xed\xa0\x80": 0, "\ufffd\xc0\xaf": 3, "<end>\xf5": 5, "x\xf0\x9f\x98y": 1,
	} {
		prefix := []int32{7}
		for _, special := range []bool{false, true} {
			var e *UTF8Error
			if ids, err := tok.Encode(text, special); !errors.As(err, &e) || e.Offset != offset || ids == nil && len(ids) > 0 {
				t.Errorf("Encode %q: %v, want a UTF8Error at %d", text, err, offset)
			}
			if ids, err := tok.AppendEncode(prefix, text, special); err == nil || !slices.Equal(ids, prefix) {
				t.Errorf("AppendEncode %q: %v, %v", text, ids, err)
			}
		}
		if _, err := tok.Normalize(text); err == nil {
			t.Errorf("Normalize %q: no error", text)
		}
	}
}

func TestSpecialTextIsOrdinaryUnlessAsked(t *testing.T) {
	tok := mustNew(t, tinyVocab("a+b"))
	end, _ := tok.ID("<end>")
	if ids := mustEncode(t, tok, "ab<end>", true); !slices.Equal(ids, []int32{256, end}) {
		t.Errorf("asked: %v", ids)
	}
	if ids := mustEncode(t, tok, "ab<end>", false); slices.Contains(ids, end) || len(ids) != 6 {
		t.Errorf("not asked: %v", ids)
	}
}

func TestLookups(t *testing.T) {
	tok := qwen3(t)
	if n := tok.Size(); n != 151669 {
		t.Errorf("Size %d", n)
	}
	if tok.EOS() != 151645 || tok.PAD() != 151643 || tok.BOS() != -1 || tok.AddBOS() {
		t.Errorf("EOS %d, PAD %d, BOS %d, AddBOS %v", tok.EOS(), tok.PAD(), tok.BOS(), tok.AddBOS())
	}
	if a := tok.Added(); len(a) != 26 || a[1] != (AddedToken{ID: 151644, Text: "<|im_start|>", Special: true}) ||
		a[24] != (AddedToken{ID: 151667, Text: "<think>"}) {
		t.Errorf("Added: %v", a)
	}
	for text, id := range map[string]int32{" world": 1879, "<|im_end|>": 151645, "</think>": 151668, "\n\n": 271, "\xe4": 160} {
		if got, ok := tok.ID(text); !ok || got != id || string(tok.Bytes(id)) != text {
			t.Errorf("%q: id %d, %v, want %d, which is %q", text, got, ok, id, tok.Bytes(id))
		}
	}
	if id, ok := tok.ID("<no such token>"); ok || id != -1 {
		t.Errorf("a token that is none has id %d", id)
	}
	if !tok.IsControl(151645) || tok.IsControl(151667) || tok.IsControl(5) || tok.IsUnused(151668) {
		t.Error("wrong kinds of tokens")
	}
	for id := range int32(tok.Size()) {
		if got, ok := tok.ID(string(tok.Bytes(id))); !ok || got != id {
			t.Fatalf("token %d %q is found as %d", id, tok.Bytes(id), got)
		}
	}
}

func TestIgnoreMerges(t *testing.T) {
	v := tinyVocab("a+b", "b+c")
	v.Tokens = append(v.Tokens, "abc")
	v.Types = append(v.Types, TypeNormal)
	id := int32(len(v.Tokens) - 1)
	if ids := mustEncode(t, mustNew(t, v), "abc", false); !slices.Equal(ids, []int32{256, 'c'}) {
		t.Errorf("by merges: %v", ids)
	}
	v.IgnoreMerges = true
	tok := mustNew(t, v)
	if ids := mustEncode(t, tok, "abc abcc", false); !slices.Equal(ids, []int32{id, ' ', 256, 'c', 'c'}) {
		t.Errorf("whole words first: %v", ids)
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := qwen3(t)
	vectors := readVectors(t)[:600]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, v := range vectors {
				if got, err := tok.Encode(v.Text, true); err != nil || !slices.Equal(got, v.IDs) {
					t.Errorf("%q: %v, %v", v.Text, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzEncode(f *testing.F) {
	tok := qwen3(f)
	for _, s := range []string{"Hello, world", "<|im_start|>e\u0301<|im_end|>", "I'll \r\n\t go", "\u4f60\u597d\U0001f600", "\xff", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			var e *UTF8Error
			if _, err := tok.Encode(text, true); !errors.As(err, &e) || utf8.ValidString(text[e.Offset:]) || !utf8.ValidString(text[:e.Offset]) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		checkRoundTrip(t, tok, text)
	})
}

func FuzzDecode(f *testing.F) {
	tok := qwen3(f)
	f.Add([]byte{0, 0, 160, 0, 1, 16, 255, 255, 0})
	f.Add([]byte{0, 0, 94, 0, 0, 95, 2, 80, 90})
	f.Fuzz(func(t *testing.T, data []byte) {
		var ids []int32
		for i := 0; i+3 <= len(data); i += 3 {
			ids = append(ids, (int32(data[i])<<16|int32(data[i+1])<<8|int32(data[i+2]))%int32(tok.Size()))
		}
		for _, skip := range []bool{false, true} {
			want, err := tok.DecodeLossy(ids, skip)
			if err != nil {
				t.Fatal(err)
			}
			if got := stream(t, tok, ids, skip); got != want {
				t.Fatalf("%v: streamed %q, whole %q", ids, got, want)
			}
			if strict, err := tok.Decode(ids, skip); err == nil && strict != want {
				t.Fatalf("%v: strict %q, lossy %q", ids, strict, want)
			}
		}
	})
}

// TestEncodeEnds: an encoding whose context has ended returns nothing of its own, whether it waits for another giant
// word or is in the middle of its own.
func TestEncodeEnds(t *testing.T) {
	tok := qwen3(t)
	cause := errors.New("the client has left")
	before := []int32{1, 2, 3}
	word := strings.Repeat("ab", giantWord)
	encode := func(ctx context.Context) {
		t.Helper()
		ids, err := tok.AppendEncodeContext(ctx, before, word, false)
		if err != cause || !slices.Equal(ids, before) {
			t.Errorf("%d ids, error %v", len(ids), err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	tok.giant <- struct{}{}
	go cancel(cause)
	encode(ctx) // would wait for ever
	<-tok.giant

	ctx, cancel = context.WithCancelCause(t.Context())
	go func() {
		for len(tok.giant) == 0 {
			runtime.Gosched()
		}
		cancel(cause)
	}()
	encode(ctx) // it takes half a second

	// What was cut short leaves nothing behind.
	want := mustEncode(t, qwen3(t), "a few words and "+word, true)
	if got := mustEncode(t, tok, "a few words and "+word, true); !slices.Equal(got, want) {
		t.Error("the tokens differ after an encoding that was ended")
	}
}
