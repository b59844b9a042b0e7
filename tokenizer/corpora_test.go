package tokenizer

import (
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// textFiles reads files of valid UTF-8 below root whose names match a pattern, in order of name, until there are size
// bytes. Places that do not exist give none.
func textFiles(root, pattern string, size int) (texts []string) {
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if ok, _ := filepath.Match(pattern, d.Name()); !ok {
			return nil
		}
		if text := readText(path); len(text) > 0 && utf8.ValidString(text) {
			texts = append(texts, text)
			size -= len(text)
		}
		if size <= 0 {
			return fs.SkipAll
		}
		return nil
	})
	return texts
}

// readText reads a file, which may be compressed, or gives nothing.
func readText(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return ""
		}
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return ""
	}
	return string(data)
}

// moduleDir is where the source of a module lies.
func moduleDir(t testing.TB, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

func goRoot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

type corpus struct{ name, text string }

// speedCorpora is English prose, program code, and lines of Chinese, Japanese and Korean mixed with English.
func speedCorpora(t testing.TB) []corpus {
	root, text := goRoot(t), moduleDir(t, "golang.org/x/text")
	prose := strings.Join(textFiles(filepath.Join(root, "src/testdata"), "*.txt", 1e6), "")
	code := strings.Join(textFiles(filepath.Join(root, "src/net"), "*.go", 2e6), "")
	var lines []string
	for _, dir := range []string{"/usr/share/man/ja", "/usr/share/man/ko", "/usr/share/man/zh_CN", "/usr/share/man/zh_TW"} {
		lines = append(lines, textFiles(dir, "*.gz", 1e6)...)
	}
	lines = append(lines, textFiles(filepath.Join(text, "encoding/testdata"), "*-utf-8.txt", 1e6)...)
	cjk := strings.Split(strings.Join(lines, "\n"), "\n")
	english := strings.Split(prose, "\n")
	for i := range cjk {
		if i%4 == 0 {
			cjk[i] += "\n" + english[i%len(english)]
		}
	}
	if len(prose) == 0 || len(code) == 0 || len(cjk) < 100 {
		t.Fatalf("text is missing from %s or %s (%s)", root, text, runtime.GOOS)
	}
	return []corpus{{"english", prose}, {"code", code}, {"cjk", strings.Join(cjk, "\n")}}
}

func benchmarkEncode(b *testing.B, tok *Tokenizer, text string) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var ids []int32
	for b.Loop() {
		var err error
		if ids, err = tok.AppendEncode(ids[:0], text, true); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(ids))/float64(len(text)), "tokens/byte")
}
