package gguf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// splitKeys are the keys of shard no of count; the first has the others too.
func splitKeys(no, count, tensors int) []entry {
	keys := []entry{{keySplitNo, uint16(no)}, {keySplitCount, uint16(count)}, {keySplitTensors, int32(tensors)}}
	if no == 0 {
		keys = append(sample(), keys...)
	}
	return keys
}

// saveSplit writes three shards, the first without tensors, and returns the
// paths.
func saveSplit(t *testing.T, dir string) (paths []string) {
	all := sampleTensors()
	for i, tensors := range [][]*Tensor{nil, all[:2], all[2:]} {
		file := write(t, splitKeys(i, 3, 3), tensors)
		paths = append(paths, save(t, dir, fmt.Sprintf("my-00002-of-model-%05d-of-00003.gguf", i+1), file))
	}
	return paths
}

func TestSplit(t *testing.T) {
	paths := saveSplit(t, t.TempDir())
	for _, path := range paths {
		f := mustOpen(t, path)
		if f.Path() != path || fmt.Sprint(f.Shards()) != fmt.Sprint(paths) {
			t.Errorf("path %q, shards %q", f.Path(), f.Shards())
		}
		checkKeys(t, f, splitKeys(0, 3, 3))
		checkTensors(t, f, sampleTensors())
		if x, _ := f.Tensor("cube"); x.Shard != 2 {
			t.Errorf("cube is in shard %d", x.Shard)
		}
		var size int64
		for _, p := range paths {
			st, _ := os.Stat(p)
			size += st.Size()
		}
		if f.Size() != size {
			t.Errorf("%d bytes, expected %d", f.Size(), size)
		}
	}
	t.Chdir(filepath.Dir(paths[0]))
	mustOpen(t, filepath.Base(paths[1]))
	mustOpen(t, "./"+filepath.Base(paths[2]))
}

// TestSplitLinks opens shards through links out of another folder, as download
// caches have them.
func TestSplitLinks(t *testing.T) {
	blobs, dir := t.TempDir(), t.TempDir()
	for i, path := range saveSplit(t, blobs) {
		blob := filepath.Join(blobs, fmt.Sprint("sha", i))
		if err := os.Rename(path, blob); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(blob, filepath.Join(dir, filepath.Base(path))); err != nil {
			t.Skip("no symbolic links: ", err)
		}
	}
	f := mustOpen(t, filepath.Join(dir, "my-00002-of-model-00002-of-00003.gguf"))
	checkTensors(t, f, sampleTensors())
}

func TestBadSplit(t *testing.T) {
	none := func(p []string) string { return p[0] }
	rewrite := func(i int, keys []entry, tensors []*Tensor) func(*testing.T, []string) string {
		return func(t *testing.T, p []string) string {
			save(t, filepath.Dir(p[i]), filepath.Base(p[i]), write(t, keys, tensors))
			return p[0]
		}
	}
	plain := func(f func(p []string) string) func(*testing.T, []string) string {
		return func(_ *testing.T, p []string) string { return f(p) }
	}
	all := sampleTensors()
	for name, c := range map[string]struct {
		class error
		says  string
		spoil func(t *testing.T, paths []string) string // returns the path to open
	}{
		"missing":       {ErrSplit, "1 of 3 files of the model are missing", plain(func(p []string) string { os.Remove(p[1]); return p[2] })},
		"first missing": {ErrSplit, "my-00002-of-model-00001-of-00003.gguf", plain(func(p []string) string { os.Remove(p[0]); return p[2] })},
		"renamed alone": {ErrSplit, "names back", plain(func(p []string) string {
			q := filepath.Join(filepath.Dir(p[0]), "model.gguf")
			os.Rename(p[0], q)
			return q
		})},
		"count in the name": {ErrSplit, "its name says 4", plain(func(p []string) string {
			q := strings.Replace(p[0], "of-00003", "of-00004", 1)
			os.Rename(p[0], q)
			return q
		})},
		"swapped": {ErrSplit, "renamed", plain(func(p []string) string {
			os.Rename(p[1], p[1]+"x")
			os.Rename(p[2], p[1])
			os.Rename(p[1]+"x", p[2])
			return p[0]
		})},
		"cyclic": {ErrSplit, "copy of another", plain(func(p []string) string {
			os.Remove(p[2])
			os.Symlink(p[1], p[2])
			return p[0]
		})},
		"loop": {nil, "too many", plain(func(p []string) string {
			os.Remove(p[2])
			os.Symlink(p[2], p[2])
			return p[0]
		})},
		"shard is a folder": {ErrNotGGUF, "folder", plain(func(p []string) string {
			os.Remove(p[2])
			os.Mkdir(p[2], 0o700)
			return p[0]
		})},
		"shard truncated": {ErrTruncated, "incomplete", plain(func(p []string) string { os.Truncate(p[2], 300); return p[0] })},
		"shard is a page": {ErrNotGGUF, "web page", func(t *testing.T, p []string) string {
			save(t, filepath.Dir(p[1]), filepath.Base(p[1]), []byte("<html>"))
			return none(p)
		}},
		"tensors missing":    {ErrSplit, "2 tensors in all files, there should be 3", rewrite(2, splitKeys(2, 3, 3), nil)},
		"tensor twice":       {ErrSplit, "too", rewrite(2, splitKeys(2, 3, 3), all[1:2])},
		"other count":        {ErrSplit, "one of 4", rewrite(1, splitKeys(1, 4, 3), all[:2])},
		"other tensor count": {ErrSplit, "there should be 9", rewrite(1, splitKeys(1, 3, 9), all[:2])},
		"not split":          {ErrSplit, "one of 1", rewrite(1, sample(), all[:2])},
		"no number":          {ErrSplit, "does not say which", rewrite(1, splitKeys(1, 3, 3)[1:], all[:2])},
		"number of a kind":   {ErrKind, "integer", rewrite(1, append(splitKeys(1, 3, 3)[1:], entry{keySplitNo, "../../../etc/passwd"}), all[:2])},
		"count of a kind":    {ErrKind, "integer", rewrite(0, []entry{{keySplitCount, "../x"}}, nil)},
		"count 65535":        {ErrLimit, "65535", rewrite(0, []entry{{keySplitCount, uint16(65535)}}, nil)},
		"count -1":           {ErrLimit, "-1", rewrite(0, []entry{{keySplitCount, int32(-1)}}, nil)},
		"count 2^63":         {ErrKind, "9223372036854775808", rewrite(0, []entry{{keySplitCount, uint64(huge)}}, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.spoil(t, saveSplit(t, t.TempDir()))
			_, err := Open(path)
			var e *Error
			if !errors.As(err, &e) || (c.class != nil && !errors.Is(err, c.class)) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, expected %v: %q", err, c.class, c.says)
			}
			t.Log(err)
		})
	}
}

// TestMissingMany lists a few of many missing files.
func TestMissingMany(t *testing.T) {
	path := save(t, t.TempDir(), "m-00001-of-04000.gguf", write(t, splitKeys(0, 4000, 0), nil))
	_, err := Open(path)
	if !errors.Is(err, ErrSplit) || !strings.Contains(err.Error(), "3999 of 4000") || len(err.Error()) > 500 {
		t.Error(err)
	}
}

// TestSplitFromReader checks that a shard alone is not taken for a model.
func TestSplitFromReader(t *testing.T) {
	file := write(t, splitKeys(1, 3, 3), nil)
	if _, err := read(memory(file), int64(len(file)), "m.gguf"); !errors.Is(err, ErrSplit) {
		t.Error(err)
	}
	for _, whole := range []uint16{0, 1} { // merged files keep the keys
		keys := []entry{{keySplitCount, whole}, {keySplitNo, uint16(0)}}
		mustOpen(t, save(t, t.TempDir(), "merged.gguf", write(t, keys, sampleTensors())))
	}
}

func TestShardName(t *testing.T) {
	for name, want := range map[string]shardName{
		"m-00001-of-00002.gguf":                {"m", 1, 2, ".gguf"},
		"-00002-of-00002.gguf":                 {"", 2, 2, ".gguf"},
		"a.b-00010-of-00100.GGUF":              {"a.b", 10, 100, ".GGUF"},
		"m-00001-of-00002":                     {"m", 1, 2, ""},
		"a.b-00001-of-00002":                   {"a.b", 1, 2, ""},
		"m-00001-of-00003-00002-of-00009.gguf": {"m-00001-of-00003", 2, 9, ".gguf"},
		"m.gguf":                               {},
		"":                                     {},
		"m-00000-of-00002.gguf":                {},
		"m-00003-of-00002.gguf":                {},
		"m-0001-of-0002.gguf":                  {},
		"m-000001-of-000002.gguf":              {},
		"m_00001-of-00002.gguf":                {},
		"m-0000a-of-00002.gguf":                {},
		"m-+0001-of-00002.gguf":                {},
		"m-00001-of-00002.gguf.part":           {},
		"00001-of-00002.gguf":                  {},
	} {
		got, ok := parseShardName(name)
		if ok != (want.no != 0) || (ok && got != want) {
			t.Errorf("%q is %v, %v", name, got, ok)
		}
		if ok && got.file(got.no) != name {
			t.Errorf("%q comes back as %q", name, got.file(got.no))
		}
	}
}
