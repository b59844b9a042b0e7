package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime/metrics"
	"strings"
	"testing"
)

// allocated is the number of bytes that the heap has given out so far.
func allocated() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// The bound of what opening a file and decoding all its values may allocate:
// slack for the first entries and the runtime's own accounting, then a multiple
// of the file.
const (
	allocSlack  = 1 << 20
	allocFactor = 64
)

// fuzzRead opens a file and reads everything in it.
func fuzzRead(t *testing.T, file []byte) *File {
	t.Helper()
	before := allocated()
	f, err := read(memory(file), int64(len(file)), "m.gguf")
	if err != nil {
		checkError(t, err, int64(len(file)))
	} else {
		for _, key := range f.Keys() {
			v, _ := f.Value(key)
			decodeOnce(v)
		}
	}
	if n := allocated() - before; n > allocSlack+allocFactor*int64(len(file)) {
		t.Fatalf("%d bytes allocated for a file of %d", n, len(file))
	}
	if f != nil {
		if err := readAll(f, int64(len(file))); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func checkError(t *testing.T, err error, size int64) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Err == nil || e.Offset > size || len(err.Error()) > 1<<18 {
		t.Fatalf("a wrong error: %v", err)
	}
}

// decodeOnce decodes v as what it is.
func decodeOnce(v Value) {
	switch {
	case v.Kind() == String:
		v.Text()
	case v.Kind() != Array:
	case v.Elem() == String:
		v.Strings()
	case v.Elem().integer():
		v.Ints()
	case v.Elem().float():
		v.Floats()
	default:
		v.Bools()
	}
}

// seeds are files from which the fuzzer starts.
func seeds(t testing.TB) [][]byte {
	list := [][]byte{
		write(t, sample(), sampleTensors()),
		write(t, sample()[:3], sampleTensors()[1:2]),
		write(t, []entry{{keyAlignment, uint32(8)}}, []*Tensor{{Name: "a", Dims: []int64{1}, Type: I8}, {Name: "b", Dims: []int64{1}, Type: I8}}),
		write(t, splitKeys(1, 2, 1), sampleTensors()[1:2]),
		write(t, []entry{{keyType, "imatrix"}, {"a", []string{"b", "c"}}}, nil),
		head(0, 0).b,
		[]byte("version https://git-lfs.github.com/spec/v1\n"),
		head(2, 0).tensor("v", F32, 32, 8).tensor("w", Q4_0, 0, 32).data(64).b,
	}
	if b, err := os.ReadFile(goldenDir + "/imatrix.gguf"); err == nil {
		list = append(list, b[:min(len(b), 4096)])
	}
	return list
}

// FuzzOpen opens any bytes, from memory and piece by piece.
func FuzzOpen(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got := fuzzRead(t, file)
		streamed, err := New(bytes.NewReader(file), int64(len(file)), "m.gguf")
		if (err == nil) != (got != nil) {
			t.Fatalf("piece by piece: %v, in memory: %v", err, got)
		}
		if err == nil && (!reflect.DeepEqual(streamed.Keys(), got.Keys()) || len(streamed.Tensors()) != len(got.Tensors())) {
			t.Fatal("piece by piece is not what it is in memory")
		}
	})
}

// FuzzSplit joins any two files as the shards of one.
func FuzzSplit(f *testing.F) {
	all := sampleTensors()
	f.Add(write(f, splitKeys(0, 2, 3), all[:1]), write(f, splitKeys(1, 2, 3), all[1:]))
	f.Add(write(f, splitKeys(0, 2, 1)[29:], nil), write(f, splitKeys(1, 2, 1), all[1:2]))
	f.Add(write(f, splitKeys(0, 2, 2)[29:], all[1:2]), write(f, splitKeys(1, 2, 2), all[1:2]))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		size := int64(len(a) + len(b))
		var shards []*shard
		for _, file := range [][]byte{a, b} {
			sh := &shard{path: "m", src: memory(file), size: int64(len(file))}
			if err := sh.open(); err != nil {
				checkError(t, err, size)
				return
			}
			shards = append(shards, sh)
		}
		joined, err := assemble("m", shards)
		if err != nil {
			checkError(t, err, size)
			return
		}
		if n := len(shards[0].tensors) + len(shards[1].tensors); n != len(joined.Tensors()) {
			t.Fatalf("%d tensors of %d", len(joined.Tensors()), n)
		}
		if err := readAll(joined, int64(len(a)), int64(len(b))); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzShardName checks that names of other shards stay in their folder and
// differ by the number only.
func FuzzShardName(f *testing.F) {
	for _, s := range []string{"m-00001-of-00003.gguf", "-00001-of-00001", "a.b-00002-of-00002.gguf", "../m-00001-of-00002.gguf", "m.gguf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseShardName(s)
		if !ok {
			return
		}
		if n.file(n.no) != s {
			t.Fatalf("%q comes back as %q", s, n.file(n.no))
		}
		for no := 1; no <= min(n.count, 3); no++ {
			other, ok := parseShardName(n.file(no))
			if !ok || other.no != no || other.prefix != n.prefix || other.count != n.count || other.suffix != n.suffix ||
				strings.Count(n.file(no), "/") != strings.Count(s, "/") {
				t.Fatalf("%q has the shard %q", s, n.file(no))
			}
		}
	})
}

// FuzzRoundTrip writes what the input describes and reads it back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x00a\x08\x05hello\x09b\x04\x03\x07c\x01"))
	f.Add([]byte("\x89w\x02\x08q\x03\x05\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var keys []entry
		var tensors []*Tensor
		d := &dice{b}
		for len(d.b) > 0 && len(keys)+len(tensors) < 64 {
			name := fmt.Sprint(len(keys)+len(tensors), ".", strings.ReplaceAll(d.text(20), "\x00", "0"))
			if d.n(4) > 0 {
				keys = append(keys, entry{name, d.value()})
				continue
			}
			typ := Type(d.n(43))
			values, _, ok := typ.Block()
			if ok {
				tensors = append(tensors, &Tensor{Name: name, Dims: []int64{values * int64(1+d.n(4)), int64(1 + d.n(4))}, Type: typ})
			}
		}
		file := write(t, keys, tensors)
		got := mustRead(t, file)
		checkKeys(t, got, keys)
		checkTensors(t, got, tensors)
	})
}

// dice draws from bytes; it is all zeros at their end.
type dice struct{ b []byte }

func (d *dice) n(limit int) int { return int(d.u64(2)) % limit }

func (d *dice) u64(n int) uint64 {
	var buf [8]byte
	k := copy(buf[:n], d.b)
	d.b = d.b[k:]
	return binary.LittleEndian.Uint64(buf[:])
}

func (d *dice) text(limit int) string {
	n := min(d.n(limit), len(d.b))
	s := string(d.b[:n])
	d.b = d.b[n:]
	return strings.ToValidUTF8(s, "\ufffd")
}

// value is a value of any kind; floats are never NaN, which is unequal to itself.
func (d *dice) value() any {
	switch k := d.n(16); k {
	case 0:
		return uint8(d.u64(1))
	case 1:
		return int8(d.u64(1))
	case 2:
		return uint16(d.u64(2))
	case 3:
		return int16(d.u64(2))
	case 4:
		return uint32(d.u64(4))
	case 5:
		return int32(d.u64(4))
	case 6:
		return float32(int32(d.u64(4))) / 3
	case 7:
		return d.u64(1) > 127
	case 8:
		return d.text(1 << 16)
	case 9:
		return d.u64(8)
	case 10:
		return int64(d.u64(8))
	case 11:
		return float64(int64(d.u64(8))) / 3
	case 12:
		list := make([]string, d.n(20))
		for i := range list {
			list[i] = d.text(30)
		}
		return list
	case 13:
		return []bool{d.u64(1) > 9, true}
	case 14:
		return []int64{int64(d.u64(8)), math.MinInt64}
	}
	return []float32{float32(d.n(100)), 0.1}
}
