package tools

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"

	"orchrt/orchestrate"
)

// filesConfig searches one folder and reads files in it. Nothing outside is
// reached: the folder is held open, and names are resolved within it.
type filesConfig struct {
	Folder  string `yaml:"folder"`
	Hidden  bool   `yaml:"hidden"` // names that begin with a dot, too
	MaxFile Size   `yaml:"max_file"`
}

// Bounds of one search.
const (
	maxEntries = 100_000 // looked at
	maxRead    = 1 << 30 // bytes
	maxLine    = 300     // bytes shown of a line
)

func (*filesConfig) harmless() bool { return true }

// check implements spec.
func (c *filesConfig) check(d *decoder, t *toolConfig) {
	if c.Folder == "" {
		d.fail(t.line, "a tool of type files needs a folder")
	}
	c.Folder = d.resolve(c.Folder)
	if c.MaxFile == 0 {
		c.MaxFile = 8 << 20
	}
	named(t, "file_search", "Searches the files of a folder by name and content, or reads one of them.",
		`{"type": "object", "properties": {"text": {"type": "string", "description": "Text to find in the files, case ignored"}, "glob": {"type": "string", "description": "Pattern of file names, such as *.md or docs/*.txt"}, "read": {"type": "string", "description": "Path of one file to read, instead of searching"}, "from": {"type": "integer", "minimum": 1, "description": "First line to read"}, "limit": {"type": "integer", "minimum": 1, "maximum": 500, "description": "Most lines or names in the answer (default 50)"}}, "additionalProperties": false}`)
}

// open implements spec.
func (c *filesConfig) open(_ context.Context, s *Set, t *toolConfig) (source, error) {
	root, err := os.OpenRoot(c.Folder)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", c.Folder, err)
	}
	s.onClose(func() { root.Close() })
	tool := t.base()
	tool.Executor = &searcher{filesConfig: c, root: root}
	return one(tool), nil
}

// try implements spec.
func (c *filesConfig) try(context.Context, *Set, *toolConfig) (string, error) {
	root, err := os.OpenRoot(c.Folder)
	if err != nil {
		return "", fmt.Errorf("folder %s: %w; create it or correct folder", c.Folder, err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries", len(entries)), nil
}

// searcher runs the calls.
type searcher struct {
	*filesConfig
	root *os.Root
}

type fileQuery struct {
	Text, Glob, Read string
	From, Limit      int
}

// Call implements orchestrate.Executor.
func (c *searcher) Call(ctx context.Context, raw json.RawMessage) (orchestrate.Result, error) {
	var q fileQuery
	if json.Unmarshal(raw, &q) != nil {
		return orchestrate.Result{}, invalid("want text, glob, read, from and limit")
	}
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 50
	}
	if q.Read != "" {
		return c.read(ctx, q)
	}
	if q.Text == "" && q.Glob == "" {
		return orchestrate.Result{}, invalid("want text to find, a glob of names, or a file to read")
	}
	if _, err := path.Match(q.Glob, ""); err != nil {
		return orchestrate.Result{}, invalid("%q is no pattern of file names", q.Glob)
	}
	return c.search(ctx, q)
}

// file opens a regular file of the folder.
func (c *searcher) file(name string) (*os.File, error) {
	st, err := c.root.Stat(name) // before opening: opening a pipe may wait for ever
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if st.Size() > int64(c.MaxFile) {
		return nil, fmt.Errorf("%d bytes, which is more than %d", st.Size(), c.MaxFile)
	}
	return c.root.Open(name)
}

// read gives lines of one file.
func (c *searcher) read(ctx context.Context, q fileQuery) (orchestrate.Result, error) {
	name := path.Clean(q.Read)
	if !c.Hidden && hidden(name) {
		return orchestrate.Result{}, failure(orchestrate.Refused, nil, "hidden files are not read")
	}
	f, err := c.file(name)
	if err != nil {
		return orchestrate.Result{}, failure(orchestrate.Failed, err, "%s cannot be read: %s", q.Read, lastPart(err))
	}
	defer f.Close()
	var b strings.Builder
	last, more := 0, false
	err = lines(io.LimitReader(f, int64(c.MaxFile)), func(n int, line []byte) bool {
		if n < q.From {
			return true
		}
		if last >= q.Limit || ctx.Err() != nil {
			more = true
			return false
		}
		last++
		fmt.Fprintf(&b, "%d\t%s\n", n, cutLine(line))
		return true
	})
	if err != nil {
		return orchestrate.Result{}, failure(orchestrate.Failed, err, "%s is not text", q.Read)
	}
	if more {
		fmt.Fprintf(&b, "[… more lines; go on with from: %d]\n", max(q.From, 1)+last)
	}
	return orchestrate.Result{Text: b.String()}, nil
}

func hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." {
			return true
		}
	}
	return false
}

// search walks the folder in the order of names. Links are not followed.
func (c *searcher) search(ctx context.Context, q fileQuery) (orchestrate.Result, error) {
	var b strings.Builder
	found, entries, bytesRead, why := 0, 0, int64(0), ""
	needle := bytes.ToLower([]byte(q.Text))
	err := fs.WalkDir(c.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if entries++; ctx.Err() != nil || entries > maxEntries || bytesRead > maxRead {
			why = "the search was stopped: the folder is too large"
			return fs.SkipAll
		}
		if err != nil || name == "." {
			return nil // a folder that cannot be read has no results
		}
		if !c.Hidden && hidden(name) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !e.Type().IsRegular() || !globbed(q.Glob, name) {
			return nil
		}
		if q.Text == "" {
			found++
			fmt.Fprintln(&b, name)
		} else {
			n, hits := c.grep(name, needle, q.Limit-found)
			bytesRead += n
			found += len(hits)
			for _, h := range hits {
				fmt.Fprintln(&b, h)
			}
		}
		if found >= q.Limit {
			why = "there may be more: narrow the search, or raise limit"
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return orchestrate.Result{}, failure(orchestrate.Failed, err, "the folder cannot be read")
	}
	if e := ended(ctx, "the search"); e != nil {
		return orchestrate.Result{}, e
	}
	if found == 0 {
		b.WriteString("nothing found\n")
	}
	if why != "" {
		fmt.Fprintf(&b, "[… %s]\n", why)
	}
	return orchestrate.Result{Text: b.String(), Record: map[string]any{"entries": entries, "bytes": bytesRead}}, nil
}

// globbed reports a name that a pattern fits: the whole path, or, for a pattern
// without a slash, the file's own name.
func globbed(glob, name string) bool {
	if glob == "" {
		return true
	}
	if !strings.Contains(glob, "/") {
		name = path.Base(name)
	}
	ok, _ := path.Match(glob, name)
	return ok
}

// grep finds lines of one file that hold the needle, as path:line: text.
func (c *searcher) grep(name string, needle []byte, limit int) (read int64, hits []string) {
	f, err := c.file(name)
	if err != nil {
		return 0, nil // too long, or gone since
	}
	defer f.Close()
	_ = lines(io.LimitReader(f, int64(c.MaxFile)), func(n int, line []byte) bool { // what is no text has no lines
		read += int64(len(line)) + 1
		if bytes.Contains(bytes.ToLower(line), needle) {
			hits = append(hits, fmt.Sprintf("%s:%d: %s", name, n, cutLine(bytes.TrimSpace(line))))
		}
		return len(hits) < limit
	})
	return read, hits
}

// errBinary is a file that is no text.
var errBinary = errors.New("the file is not text")

// lines calls f with each line and its number, from 1, until it says false.
func lines(r io.Reader, f func(n int, line []byte) bool) error {
	br := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if bytes.IndexByte(line, 0) >= 0 {
			return errBinary
		}
		if len(line) > 0 && !f(n, bytes.TrimRight(line, "\r\n")) {
			return nil
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// cutLine is a line as it is shown.
func cutLine(line []byte) string {
	if len(line) <= maxLine {
		return string(line)
	}
	end := maxLine
	for end > 0 && !utf8.RuneStart(line[end]) {
		end--
	}
	return string(line[:end]) + " […]"
}
