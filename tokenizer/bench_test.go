package tokenizer

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"orchrt/testdata"
)

// BenchmarkEncode has the words of the text in its cache after the first round, as a server has.
func BenchmarkEncode(b *testing.B) {
	tok := qwen3(b)
	for _, c := range speedCorpora(b) {
		b.Run(c.name, func(b *testing.B) { benchmarkEncode(b, tok, c.text) })
	}
}

// BenchmarkMerge is Encode without the cache.
func BenchmarkMerge(b *testing.B) {
	tok := qwen3(b)
	for _, c := range speedCorpora(b) {
		b.Run(c.name, func(b *testing.B) {
			s := newScratch()
			b.SetBytes(int64(len(c.text)))
			var ids []int32
			for b.Loop() {
				ids = ids[:0]
				for i := 0; i < len(c.text); {
					j := tok.chars.next(c.text, i)
					ids = tok.merge(ids, c.text[i:j], s)
					i = j
				}
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	c := newChars()
	for _, x := range speedCorpora(b) {
		b.Run(x.name, func(b *testing.B) {
			b.SetBytes(int64(len(x.text)))
			for b.Loop() {
				for i := 0; i < len(x.text); {
					i = c.next(x.text, i)
				}
			}
		})
	}
}

func BenchmarkNFC(b *testing.B) {
	c := newChars()
	corpora := append(speedCorpora(b), corpus{"marks", strings.Repeat("Tiê\u0301ng Viê\u0323t ", 1e5)})
	for _, x := range corpora {
		b.Run(x.name, func(b *testing.B) {
			b.SetBytes(int64(len(x.text)))
			for b.Loop() {
				c.nfc(x.text)
			}
		})
	}
}

// BenchmarkLongWord shows that the time for one giant word grows with its length.
func BenchmarkLongWord(b *testing.B) {
	tok := qwen3(b)
	for _, n := range []string{"64", "1e3", "1e5", "1e6"} {
		size := map[string]int{"64": 64, "1e3": 1e3, "1e5": 1e5, "1e6": 1e6}[n]
		b.Run("a/"+n, func(b *testing.B) { benchmarkEncode(b, tok, strings.Repeat("a", size)) })
	}
}

func BenchmarkDecode(b *testing.B) {
	tok := qwen3(b)
	for _, c := range speedCorpora(b) {
		ids := mustEncode(b, tok, c.text, true)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				if _, err := tok.Decode(ids, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNew is loading from a GGUF file's arrays.
func BenchmarkNew(b *testing.B) {
	v := qwen3Vocab(b)
	v.Pad(151936)
	b.ReportAllocs()
	for b.Loop() {
		mustNew(b, v)
	}
}

func BenchmarkParseJSON(b *testing.B) {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseJSON(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
