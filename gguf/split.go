package gguf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// shardName is the name of a shard, taken apart:
// prefix "-" no "-of-" count suffix.
type shardName struct {
	prefix string
	no     int // from 1
	count  int
	suffix string // ".gguf"
}

const numberLen = len("00001")

// parseShardName takes a file's name apart; ok is false where it is not that of
// a shard.
func parseShardName(name string) (n shardName, ok bool) {
	ext := filepath.Ext(name)
	if strings.Contains(ext, "-of-") {
		ext = "" // a name with a dot before the numbers and none after
	}
	rest := strings.TrimSuffix(name, ext)
	tail := len("-") + numberLen + len("-of-") + numberLen
	if len(rest) < tail {
		return n, false
	}
	prefix, numbers := rest[:len(rest)-tail], rest[len(rest)-tail:]
	no, count := numbers[1:1+numberLen], numbers[tail-numberLen:]
	if numbers[0] != '-' || numbers[1+numberLen:tail-numberLen] != "-of-" || !digits(no) || !digits(count) {
		return n, false
	}
	n = shardName{prefix: prefix, suffix: ext}
	n.no, _ = strconv.Atoi(no)
	n.count, _ = strconv.Atoi(count)
	return n, n.no >= 1 && n.no <= n.count
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// file is the name of shard no of the same split.
func (n shardName) file(no int) string {
	return fmt.Sprintf("%s-%05d-of-%05d%s", n.prefix, no, n.count, n.suffix)
}

// integer is the value of an integer key, or missing where there is none.
func (sh *shard) integer(key string, missing int64) (int64, error) {
	v, ok := sh.values[key]
	if !ok {
		return missing, nil
	}
	return v.Int()
}

func (sh *shard) has(key string) bool {
	_, ok := sh.values[key]
	return ok
}

// splitCount is the number of shards that sh says there are, 1 if it is whole.
// A merged file keeps the key with the value 0.
func (sh *shard) splitCount() (int, error) {
	n, err := sh.integer(keySplitCount, 1)
	switch {
	case err != nil:
		return 0, err
	case n < 0 || n > MaxShards:
		return 0, sh.values[keySplitCount].fail(ErrLimit, "a split into %d files, the limit is %d", n, MaxShards)
	}
	return max(int(n), 1), nil
}

// splitFail is an error about the split that sh belongs to.
func (sh *shard) splitFail(key, format string, args ...any) *Error {
	return &Error{File: sh.path, Key: key, Offset: -1, Reason: fmt.Sprintf(format, args...), Err: ErrSplit}
}

// openRest opens the other shards of the split that first belongs to and
// returns all in order. It takes first over: where it fails, all are closed.
func openRest(first *shard) (shards []*shard, err error) {
	defer func() {
		if err != nil {
			closeAll(append(shards, first))
			shards = nil
		}
	}()
	count, err := first.splitCount()
	if err != nil {
		return nil, err
	}
	if count == 1 {
		return []*shard{first}, nil
	}
	name, err := first.checkName(count)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(first.path)
	if err := missingShards(first, dir, name); err != nil {
		return nil, err
	}
	for no := 1; no <= count; no++ {
		sh := first
		if no != name.no {
			if sh, err = openShard(filepath.Join(dir, name.file(no))); err != nil {
				return shards, err
			}
		}
		shards = append(shards, sh)
	}
	return shards, nil
}

func closeAll(shards []*shard) {
	for _, sh := range shards {
		sh.src.Close()
	}
}

// checkName checks that sh has the name of a shard, since the names of the
// others follow from it.
func (sh *shard) checkName(count int) (shardName, error) {
	base := filepath.Base(sh.path)
	name, ok := parseShardName(base)
	switch {
	case !ok:
		return name, sh.splitFail(keySplitCount, "the model is split into %d files, but %q is not named like PREFIX-00001-of-%05d.gguf, so that the others cannot be found: give all of them their names back",
			count, base, count)
	case name.count != count:
		return name, sh.splitFail(keySplitCount, "the file says that the model is split into %d files, its name says %d", count, name.count)
	}
	return name, nil
}

// missingShards is an error that names the files that are not there.
func missingShards(first *shard, dir string, name shardName) error {
	var missing []string
	for no := 1; no <= name.count; no++ {
		if _, err := os.Stat(filepath.Join(dir, name.file(no))); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, name.file(no))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	list, more := missing, ""
	if len(list) > 4 {
		list, more = list[:4], ", …"
	}
	return first.splitFail("", "%d of %d files of the model are missing in %s: %s%s; fetch them into this folder",
		len(missing), name.count, dir, strings.Join(list, ", "), more)
}

// assemble makes a File of all shards of a model, and takes them over: where it
// fails, they are closed. The keys are those of the first shard.
func assemble(path string, shards []*shard) (*File, error) {
	f := &File{path: path, shards: shards, keys: shards[0].keys, values: shards[0].values}
	if err := f.join(); err != nil {
		closeAll(shards)
		return nil, err
	}
	return f, nil
}

// join collects the tensors of all shards.
func (f *File) join() error {
	total := 0
	for _, sh := range f.shards {
		total += len(sh.tensors)
	}
	if err := f.checkSplit(total); err != nil {
		return err
	}
	f.tensors = make([]*Tensor, 0, total)
	f.byName = make(map[string]*Tensor, total)
	for i, sh := range f.shards {
		for _, t := range sh.tensors {
			if other, ok := f.byName[t.Name]; ok {
				return &Error{File: sh.path, Tensor: t.Name, Offset: t.entry, Err: ErrSplit,
					Reason: "the tensor stands in " + filepath.Base(f.shards[other.Shard].path) + " too"}
			}
			t.Shard = i
			f.byName[t.Name] = t
			f.tensors = append(f.tensors, t)
		}
	}
	return nil
}

// checkSplit checks each shard's place and the number of tensors.
func (f *File) checkSplit(total int) error {
	if total > MaxTensors {
		return f.shards[0].splitFail("", "%d tensors in all files, the limit is %d", total, MaxTensors)
	}
	for i, sh := range f.shards {
		if err := sh.checkPlace(i, len(f.shards)); err != nil {
			return err
		}
	}
	for _, sh := range f.shards {
		want, err := sh.integer(keySplitTensors, int64(total))
		if err != nil {
			return err
		}
		if want != int64(total) && len(f.shards) > 1 {
			return sh.splitFail(keySplitTensors, "%d tensors in all files, there should be %d: a file is incomplete or of another model", total, want)
		}
	}
	return nil
}

// checkPlace checks that sh says that it is shard i, from 0, of count.
func (sh *shard) checkPlace(i, count int) error {
	n, err := sh.splitCount()
	if err != nil {
		return err
	}
	if n != count {
		return sh.splitFail(keySplitCount, "the file is one of %d, the model has %d: the files are not of one model, or the file was opened alone",
			n, count)
	}
	if count == 1 {
		return nil
	}
	no, err := sh.integer(keySplitNo, -1)
	switch {
	case err != nil:
		return err
	case !sh.has(keySplitNo):
		return sh.splitFail(keySplitNo, "the file is one of %d and does not say which: it is damaged", count)
	case no != int64(i):
		return sh.splitFail(keySplitNo, "the file says that it is number %d (counted from 0), its name that it is %d: it was renamed, or is a copy of another", no, i)
	}
	return nil
}
