//go:build verify

package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors.jsonl.gz anew")

// TestVerifyTokenizerVectors compares the committed vectors with the reference, or makes them:
//
//	go test -tags verify -run VerifyTokenizerVectors ./tokenizer -update
func TestVerifyTokenizerVectors(t *testing.T) {
	tok, _ := readOriginal(t)
	texts := vectorTexts(tok)
	special := unpackIDs(reference(t, original, "encode", packTexts(texts)))
	plain := unpackIDs(reference(t, original, "plain", packTexts(texts)))
	vectors := make([]vector, len(texts))
	for i, s := range texts {
		vectors[i] = vector{Text: s, IDs: special[i]}
		if !slices.Equal(special[i], plain[i]) {
			vectors[i].Plain = plain[i]
		}
	}
	if !*update {
		if !reflect.DeepEqual(vectors, readVectors(t)) {
			t.Error("the committed vectors are not those of the reference: run with -update")
		}
		return
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	for _, v := range vectors {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// vectorTexts is texts that each show one rule, then generated ones.
func vectorTexts(tok *Tokenizer) []string {
	texts := []string{
		"", " ", "  ", "\n", "\n\n", " \n", "\n ", "a", "Hello, world!", "Hello  world", "Hello \n world", "x\r\n\r\ny", "\t\tif x:\n\t\t\ty",
		"I'm don't we'll they've he'd you're it's", "I'M DON'T WE'LL THEY'VE HE'D YOU'RE IT'S", "'\u017f '\u017fx 's'S", "''s", "' s", "l'\u00e9t\u00e9",
		"1234567890", "3.14", "\u00b2\u00bd\u0663\u2167", " 1 2  3", "a1b2", "e\u0301", "\u00e9", "\u212b \u212a \u2126", "\u1e9b\u0323", "q\u0307\u0323",
		"\u1100\u1161\u11a8 \uac00\u11a8", "\u0958", "\u0f73\u0f71", "\u0344", "a" + strings.Repeat("\u0301", 40),
		"\u07eb\u07fd", "\u07fd\u07eb\u0334", "\U0001d15e", "\U00011938", // characters newer than the normaliser's Unicode
		"\u1c89\u1c8a\ua7cb\U000105c0\U00010d40", // letters and digits newer than many regular expressions' Unicode
		"\u2028a\u2029b\u0085c\u00a0d\u3000e\u200bf\ufeffg\u180eh", "\x00\x01\x7f", "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u3053\u3093\u306b\u3061\u306f",
		"\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0645\u0631\u062d\u0628\u0627", "\U0001f469\u200d\U0001f680 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
		"<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>",
		"<|im_end|", "<|im_end|>>", "<<|im_end|>", "e<|im_end|>\u0301", "<|im_end|>\u0338", "<think></think><tool_response></tool_response>",
		"  <think>  x", "a  <|im_end|>", strings.Repeat("a", 100), strings.Repeat("a", 1000), strings.Repeat("=", 77), strings.Repeat("\u7684", 60),
		strings.Repeat(" ", 300) + "x", strings.Repeat("\n", 50), strings.Repeat("ab", 25),
	}
	for _, a := range tok.Added() {
		texts = append(texts, a.Text, "x "+a.Text+" y")
	}
	g := newGenerator(6, tok.Added())
	for len(texts) < 2500 {
		texts = append(texts, g.text())
	}
	return texts
}
