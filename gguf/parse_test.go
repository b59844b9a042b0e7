package gguf

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// bad is a file that must be refused, and what the error must say.
type bad struct {
	name   string
	file   []byte
	class  error
	key    string
	tensor string
	says   string
}

const huge = 1 << 63

func TestBadHeader(t *testing.T) {
	version := func(v uint32) []byte { return (&raw{b: []byte("GGUF")}).u32(v).u64(0).u64(0).b }
	refuse(t, []bad{
		{name: "empty", class: ErrNotGGUF, says: "0 bytes"},
		{name: "three bytes", file: []byte("GGU"), class: ErrNotGGUF, says: "3 bytes"},
		{name: "magic", file: []byte("GGUG0000000000000000000"), class: ErrNotGGUF, says: "GGUG"},
		{name: "only magic", file: []byte("GGUF"), class: ErrTruncated, says: "header"},
		{name: "23 bytes", file: version(3)[:23], class: ErrTruncated, says: "header"},
		{name: "version 0", file: version(0), class: ErrVersion, says: "version 0"},
		{name: "version 1", file: version(1), class: ErrVersion, says: "version 1"},
		{name: "version 4", file: version(4), class: ErrVersion, says: "version 4"},
		{name: "version 2^31", file: version(1 << 31), class: ErrVersion, says: "version 2147483648"},
		{name: "big-endian", file: version(3 << 24), class: ErrVersion, says: "big-endian"},
		{name: "big-endian magic", file: append([]byte("FUGG"), version(3 << 24)[4:]...), class: ErrNotGGUF, says: "big-endian"},
		{name: "tensors 2^63", file: head(huge, 0).b, class: ErrLimit, says: "9223372036854775808 tensors"},
		{name: "tensors -1", file: head(math.MaxUint64, 0).b, class: ErrLimit},
		{name: "tensors that overflow times 33", file: head(math.MaxUint64/33+1, 0).b, class: ErrLimit},
		{name: "tensors over what fits", file: head(2, 0).data(40).b, class: ErrTruncated, says: "2 tensors"},
		{name: "keys 2^63", file: head(0, huge).b, class: ErrLimit, says: "9223372036854775808 keys"},
		{name: "keys -1", file: head(0, math.MaxUint64).b, class: ErrLimit},
		{name: "keys over what fits", file: head(0, 9).data(40).b, class: ErrTruncated, says: "9 keys"},
	})
}

func TestNotGGUF(t *testing.T) {
	imatrix := (&raw{}).u32(2).u32(uint32(len("blk.0.attn_k.weight")))
	imatrix.b = append(imatrix.b, "blk.0.attn_k.weight\x01\x00\x00\x00"...)
	safe := append((&raw{}).u64(20).b, `{"a":{"dtype":"F32"}}......`...)
	refuse(t, []bad{
		{name: "lfs", file: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:1cc7\nsize 5027783840\n"), class: ErrNotGGUF, says: "git lfs pull"},
		{name: "html", file: []byte("\n <!DOCTYPE html><html><body>404</body></html>"), class: ErrNotGGUF, says: "web page"},
		{name: "html with a byte order mark", file: []byte("\xef\xbb\xbf<HTML><p>503"), class: ErrNotGGUF, says: "web page"},
		{name: "json", file: []byte(`{"error":"Invalid username or password."}`), class: ErrNotGGUF, says: "JSON"},
		{name: "legacy imatrix", file: imatrix.b, class: ErrNotGGUF, says: "importance matrix"},
		{name: "safetensors", file: safe, class: ErrNotGGUF, says: "safetensors"},
		{name: "zip", file: []byte("PK\x03\x04........"), class: ErrNotGGUF, says: "zip"},
		{name: "ggjt", file: []byte("tjgg\x03\x00\x00\x00"), class: ErrNotGGUF, says: "ggjt"},
		{name: "zeros", file: make([]byte, 4096), class: ErrNotGGUF, says: "zeros"},
		{name: "gzip", file: []byte("\x1f\x8b\x08\x00abcd"), class: ErrNotGGUF, says: "gzip"},
	})
}

func TestBadKeys(t *testing.T) {
	long := strings.Repeat("k", 1<<16)
	one := func() *raw { return head(0, 1) }
	refuse(t, []bad{
		{name: "length 0", file: one().key("", Uint8).u8(1).data(32).b, class: ErrFormat, says: "key 0 is empty"},
		{name: "length beyond the file", file: one().u64(200).data(64).b, class: ErrTruncated, says: "key 0 takes 200 bytes"},
		{name: "length 2^63", file: one().u64(huge).data(32).b, class: ErrLimit, says: "9223372036854775808"},
		{name: "65,536 bytes", file: one().key(long, Uint8).u8(1).b, class: ErrLimit, says: "65536"},
		{name: "not UTF-8", file: one().key("a\xff", Uint8).u8(1).data(32).b, class: ErrFormat, says: "UTF-8"},
		{name: "NUL", file: one().key("a\x00b", Uint8).u8(1).data(32).b, class: ErrFormat, says: "NUL"},
		{name: "twice", file: head(0, 2).key("a", Uint8).u8(1).key("a", Uint8).u8(1).data(32).b, class: ErrFormat, key: "a", says: "twice"},
	})
}

func TestBadValues(t *testing.T) {
	a := func(k Kind) *raw { return head(0, 1).key("a", k) }
	array := func(elem Kind, n uint64) *raw { return a(Array).u32(uint32(elem)).u64(n) }
	nested := head(0, 1).key("a", Array)
	for range 100_000 {
		nested.u32(uint32(Array)).u64(1)
	}
	refuse(t, []bad{
		{name: "kind 13", file: a(13).data(32).b, class: ErrFormat, key: "a", says: "kind 13"},
		{name: "kind 2^32-1", file: a(math.MaxUint32).data(32).b, class: ErrFormat, key: "a", says: "4294967295"},
		{name: "bool 2", file: a(Bool).u8(2).data(32).b, class: ErrFormat, key: "a", says: "bool"},
		{name: "string beyond the file", file: a(String).u64(1000).data(32).b, class: ErrTruncated, key: "a", says: "1000"},
		{name: "string of 2^63", file: a(String).u64(huge).data(32).b, class: ErrLimit, key: "a"},
		{name: "string of -1", file: a(String).u64(math.MaxUint64).data(32).b, class: ErrLimit, key: "a"},
		{name: "string of 100 MB", file: a(String).u64(100 << 20).data(32).b, class: ErrLimit, key: "a", says: "limit"},
		{name: "scalar cut off", file: a(Uint64).u32(1).b, class: ErrTruncated, key: "a"},
		{name: "array of 2^62", file: array(Uint8, 1<<62).data(32).b, class: ErrLimit, key: "a"},
		{name: "array of 2^63", file: array(Uint32, huge).data(32).b, class: ErrLimit, key: "a"},
		{name: "array that overflows times 8", file: array(Uint64, 1<<61).data(32).b, class: ErrLimit, key: "a"},
		{name: "array of 2^62 strings", file: array(String, 1<<62).data(32).b, class: ErrLimit, key: "a"},
		{name: "array beyond the file", file: array(Uint64, 100).data(64).b, class: ErrTruncated, key: "a", says: "800 bytes"},
		{name: "strings beyond the file", file: array(String, 100).data(64).b, class: ErrTruncated, key: "a", says: "800 bytes"},
		{name: "element beyond the file", file: array(String, 2).str("x").u64(999).data(64).b, class: ErrTruncated, key: "a", says: "element 1"},
		{name: "element of 2^63", file: array(String, 2).str("x").u64(huge).data(64).b, class: ErrLimit, key: "a", says: "element 1"},
		{name: "element of kind 13", file: array(13, 0).data(32).b, class: ErrFormat, key: "a", says: "kind 13"},
		{name: "array of arrays", file: array(Array, 1).u32(0).u64(1).u8(7).data(32).b, class: ErrFormat, key: "a", says: "array of arrays"},
		{name: "arrays 10^5 deep", file: nested.b, class: ErrFormat, key: "a", says: "array of arrays"},
	})
}

func TestBadAlignment(t *testing.T) {
	align := func(n uint32) []byte { return head(0, 1).key(keyAlignment, Uint32).u32(n).data(32).b }
	refuse(t, []bad{
		{name: "0", file: align(0), class: ErrFormat, key: keyAlignment, says: "power of two"},
		{name: "3", file: align(3), class: ErrFormat, key: keyAlignment, says: "alignment of 3"},
		{name: "2^31", file: align(1 << 31), class: ErrFormat, key: keyAlignment},
		{name: "uint64", file: head(0, 1).key(keyAlignment, Uint64).u64(32).data(32).b, class: ErrKind, key: keyAlignment, says: "uint64"},
		{name: "string", file: head(0, 1).key(keyAlignment, String).str("32").data(32).b, class: ErrKind, key: keyAlignment, says: "string"},
		{name: "array", file: head(0, 1).key(keyAlignment, Array).u32(uint32(Uint32)).u64(1).u32(32).data(32).b, class: ErrKind, key: keyAlignment, says: "array"},
	})
}

func TestBadTensors(t *testing.T) {
	one := func() *raw { return head(1, 0) }
	count := func(n uint32) []byte { return one().str("w").u32(n).data(200).b }
	dims := func(ty Type, d ...uint64) []byte { return one().tensor("w", ty, 0, d...).data(4096).b }
	at := func(off uint64) []byte { return one().tensor("w", F32, off, 8).data(64).b }
	two := func(a, b uint64) []byte {
		return head(2, 0).tensor("v", F32, a, 16).tensor("w", F32, b, 16).data(256).b
	}
	refuse(t, []bad{
		{name: "no name", file: one().tensor("", F32, 0, 8).data(64).b, class: ErrFormat, says: "empty"},
		{name: "name of 64", file: one().tensor(strings.Repeat("n", 64), F32, 0, 8).data(64).b, class: ErrLimit, says: "64 bytes"},
		{name: "name of 2^63", file: one().u64(huge).data(64).b, class: ErrLimit},
		{name: "NUL", file: one().tensor("a\x00", F32, 0, 8).data(64).b, class: ErrFormat, says: "NUL"},
		{name: "not UTF-8", file: one().tensor("a\xc3", F32, 0, 8).data(64).b, class: ErrFormat, says: "UTF-8"},
		{name: "twice", file: head(2, 0).tensor("w", F32, 0, 8).tensor("w", F32, 32, 8).data(64).b, class: ErrFormat, tensor: "w", says: "twice"},
		{name: "no dimensions", file: count(0), class: ErrFormat, tensor: "w", says: "0 dimensions"},
		{name: "5 dimensions", file: count(5), class: ErrFormat, tensor: "w", says: "5 dimensions"},
		{name: "2^32-1 dimensions", file: count(math.MaxUint32), class: ErrFormat, tensor: "w"},
		{name: "dimension 0", file: dims(F32, 8, 0), class: ErrFormat, tensor: "w", says: "dimension 1 is 0"},
		{name: "dimension -1", file: dims(F32, math.MaxUint64), class: ErrFormat, tensor: "w", says: "-1"},
		{name: "dimension 2^63", file: dims(F32, 1, huge), class: ErrFormat, tensor: "w"},
		{name: "product 2^64", file: dims(F32, 1<<32, 1<<32), class: ErrFormat, tensor: "w", says: "overflows"},
		{name: "product 2^64 + 8", file: dims(I8, 8, 0x3fffffffffffffff, 9), class: ErrFormat, tensor: "w", says: "overflows"},
		{name: "four dimensions of 2^32", file: dims(I8, 1<<32, 1<<32, 1<<32, 1<<32), class: ErrFormat, tensor: "w", says: "overflows"},
		{name: "bytes 2^63", file: dims(F32, 1<<61), class: ErrFormat, tensor: "w", says: "overflows"},
		{name: "count 2^63 in 2^62 bytes", file: dims(Q4_0, 1<<40, 1<<23), class: ErrFormat, tensor: "w", says: "overflows"},
		{name: "larger than the file", file: dims(F32, 1<<40), class: ErrTruncated, tensor: "w", says: "incomplete"},
		{name: "rows cut through blocks", file: dims(Q4_K, 128, 2), class: ErrFormat, tensor: "w", says: "blocks of 256"},
		{name: "type 43", file: dims(43, 8), class: ErrFormat, tensor: "w", says: "type 43 is unknown"},
		{name: "type -1", file: dims(math.MaxUint32, 8), class: ErrFormat, tensor: "w", says: "unknown"},
		{name: "type Q4_2", file: dims(4, 32), class: ErrFormat, tensor: "w", says: "Q4_2 (4) was removed"},
		{name: "type Q4_0_4_8", file: dims(32, 32), class: ErrFormat, tensor: "w", says: "Q4_0_4_8 (32) was removed"},
		{name: "type IQ4_NL_8_8", file: dims(38, 32), class: ErrFormat, tensor: "w", says: "IQ4_NL_8_8 (38) was removed"},
		{name: "unaligned", file: at(4), class: ErrFormat, tensor: "w", says: "alignment 32"},
		{name: "past the end", file: at(96), class: ErrTruncated, tensor: "w"},
		{name: "end past the end", file: one().tensor("w", F32, 32, 9).data(64).b, class: ErrTruncated, tensor: "w"},
		{name: "offset that overflows with the size", file: at(math.MaxInt64 - 31), class: ErrTruncated, tensor: "w"},
		{name: "offset 2^63", file: at(huge), class: ErrTruncated, tensor: "w"},
		{name: "offset -32", file: at(math.MaxUint64 - 31), class: ErrTruncated, tensor: "w"},
		{name: "same place", file: two(0, 0), class: ErrFormat, tensor: "w", says: `"v"`},
		{name: "overlap", file: two(0, 32), class: ErrFormat, tensor: "w", says: "overlap"},
		{name: "overlap backwards", file: two(96, 64), class: ErrFormat, tensor: "v", says: `"w"`},
		{name: "no data", file: one().tensor("w", F32, 0, 8).b, class: ErrTruncated, tensor: "w"},
	})
}

// refuse checks that each file is refused alike from memory and piece by piece.
func refuse(t *testing.T, list []bad) {
	t.Helper()
	for _, b := range list {
		t.Run(b.name, func(t *testing.T) {
			_, err := read(memory(b.file), int64(len(b.file)), "m.gguf")
			b.check(t, err)
			_, slow := New(bytes.NewReader(b.file), int64(len(b.file)), "m.gguf")
			if slow == nil || slow.Error() != err.Error() {
				t.Errorf("piece by piece: %v, in memory: %v", slow, err)
			}
		})
	}
}

func (b bad) check(t *testing.T, err error) {
	t.Helper()
	if b.file != nil && testing.Verbose() {
		t.Log(err)
	}
	var e *Error
	switch {
	case !errors.As(err, &e):
		t.Fatalf("error %v, expected an *Error", err)
	case !errors.Is(err, b.class):
		t.Errorf("%v: class %v, expected %v", err, e.Err, b.class)
	case e.Key != b.key || e.Tensor != b.tensor || e.File != "m.gguf":
		t.Errorf("%v: names %q %q %q", err, e.File, e.Key, e.Tensor)
	case e.Offset < 0 || e.Offset > int64(len(b.file)):
		t.Errorf("%v: offset %d of %d", err, e.Offset, len(b.file))
	case !strings.Contains(e.Reason, b.says):
		t.Errorf("%v: does not say %q", err, b.says)
	}
}

// TestPrefixes cuts a file at every byte.
func TestPrefixes(t *testing.T) {
	file := write(t, sample(), sampleTensors())
	last := mustRead(t, file).tensors[2]
	end := int(last.Offset + last.Size)
	for n := range len(file) {
		f, err := read(memory(file[:n:n]), int64(n), "m.gguf")
		if n >= end {
			if err != nil {
				t.Errorf("without padding at its end: %v", err)
			}
			continue
		}
		var e *Error
		if f != nil || !errors.As(err, &e) {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
		if n >= 4 && e.Err != ErrTruncated {
			t.Fatalf("%d of %d bytes: %v of class %v", n, len(file), err, e.Err)
		}
	}
}

// TestBitFlips flips every bit before the data.
func TestBitFlips(t *testing.T) {
	file := write(t, sample(), sampleTensors())
	opened := 0
	for i := range mustRead(t, file).tensors[0].Offset {
		for bit := range 8 {
			file[i] ^= 1 << bit
			f, err := read(memory(file), int64(len(file)), "m.gguf")
			var e *Error
			switch {
			case err == nil:
				opened++
				if err := readAll(f, int64(len(file))); err != nil {
					t.Errorf("bit %d of byte %d: %v", bit, i, err)
				}
			case !errors.As(err, &e):
				t.Errorf("bit %d of byte %d: %v is no *Error", bit, i, err)
			}
			file[i] ^= 1 << bit
		}
	}
	if opened == 0 {
		t.Error("no flip left the file readable: values are not read")
	}
}

// mustRead reads a file from memory.
func mustRead(t testing.TB, file []byte) *File {
	t.Helper()
	f, err := read(memory(file), int64(len(file)), "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	return f
}
