package kerneltest

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"

	"orchrt/kernels"
)

// faulty is the oracle with a fault: after is called when an operation is done,
// with its rows, output and first input.
type faulty struct {
	kernels.Device
	after func(d kernels.Device, op string, n int, out, in kernels.Buf)
}

func (f faulty) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	f.Device.Embed(y, table, ids)
	f.after(f.Device, "Embed", y.Rows, y.Buf, ids)
}

func (f faulty) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	f.Device.NormQKV(q, kv, x, w, at)
	f.after(f.Device, "NormQKV", at.N, q.Buf, x.Buf)
}

func (f faulty) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	f.Device.Attend(y, q, kv, at)
	f.after(f.Device, "Attend", at.N, y.Buf, q.Buf)
}

func (f faulty) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	f.Device.MulAdd(x, y, w)
	f.after(f.Device, "MulAdd", x.Rows, x.Buf, y.Buf)
}

func (f faulty) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	f.Device.NormGateUp(h, x, w)
	f.after(f.Device, "NormGateUp", h.Rows, h.Buf, x.Buf)
}

func (f faulty) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	f.Device.NormLogits(y, x, w, want)
	f.after(f.Device, "NormLogits", y.Rows, y.Buf, x.Buf)
}

// poke changes the float32 at addr.
func poke(d kernels.Device, addr uintptr, change func(v float32) float32) {
	b := kernels.Buf{Addr: addr, Size: 4}
	raw := make([]byte, 4)
	if err := d.Read(raw, b); err != nil {
		panic(err)
	}
	v := math.Float32frombits(binary.NativeEndian.Uint32(raw))
	binary.NativeEndian.PutUint32(raw, math.Float32bits(change(v)))
	d.Write(b, raw)
}

func nudge(v float32) float32 { return v + 0.01 }
func ulp(v float32) float32   { return math.Nextafter32(v, 100) }
func zero(float32) float32    { return 0 }
func nan(float32) float32     { return float32(math.NaN()) }

// faultsOf are things that an operation may do wrong, and the part of the
// suite that must notice.
var faultsOf = map[string]func(d kernels.Device, n int, out, in kernels.Buf){
	"wrong last value": func(d kernels.Device, n int, out, in kernels.Buf) {
		poke(d, out.Addr+uintptr(out.Size)-4, nudge)
	},
	"NaN": func(d kernels.Device, n int, out, in kernels.Buf) {
		poke(d, out.Addr, nan)
	},
	"one float too far": func(d kernels.Device, n int, out, in kernels.Buf) {
		poke(d, out.Addr+uintptr(out.Size), zero)
	},
	"one float before": func(d kernels.Device, n int, out, in kernels.Buf) {
		poke(d, out.Addr-4, zero)
	},
	"changed input": func(d kernels.Device, n int, out, in kernels.Buf) {
		poke(d, in.Addr, nudge)
	},
	"batch dependent": func(d kernels.Device, n int, out, in kernels.Buf) {
		if n > 2 {
			poke(d, out.Addr+uintptr(out.Size)/2&^3, ulp)
		}
	},
	"zero rows written": func(d kernels.Device, n int, out, in kernels.Buf) {
		if n == 0 {
			poke(d, out.Addr, zero)
		}
	},
}

// smallOptions keep the tests of broken devices quick.
func smallOptions() Options {
	return Options{Exact: true, Types: []kernels.Type{kernels.F32, kernels.Q4_K}, HeadDims: []int{64},
		Caches: []kernels.CacheType{kernels.CacheF32, kernels.CacheQ8}}.withDefaults()
}

// faultsFound runs the cases whose names start with prefix.
func faultsFound(t *testing.T, prefix string, newDevice func() kernels.Device) (errs []error) {
	t.Helper()
	ran := false
	for _, c := range cases(smallOptions()) {
		if strings.HasPrefix(c.name, prefix) {
			ran = true
			errs = append(errs, c.check(newDevice())...)
		}
	}
	if !ran {
		t.Fatalf("no case is called %s", prefix)
	}
	return errs
}

// TestWrappersAreInnocent: without a fault the devices of these tests pass.
func TestWrappersAreInnocent(t *testing.T) {
	nothing := func(kernels.Device, string, int, kernels.Buf, kernels.Buf) {}
	for _, err := range faultsFound(t, "", func() kernels.Device { return faulty{NewOracle(), nothing} }) {
		t.Error(err)
	}
	for _, err := range faultsFound(t, "", func() kernels.Device { return newSpoilt() }) {
		t.Error(err)
	}
}

func TestSuiteFindsFaultsOfOperations(t *testing.T) {
	for _, op := range []string{"Embed", "NormQKV", "Attend", "MulAdd", "NormGateUp", "NormLogits"} {
		for name, fault := range faultsOf {
			prefix := op
			switch {
			case name == "zero rows written":
				prefix = "ZeroRows"
			case name == "batch dependent" && op == "Embed":
				continue // an inexact copy is found by the oracle
			case name == "batch dependent" && (op == "NormQKV" || op == "Attend"):
				prefix = op + "Independence"
			case name == "batch dependent":
				prefix = "Independence"
			}
			errs := faultsFound(t, prefix, func() kernels.Device {
				return faulty{NewOracle(), func(d kernels.Device, done string, n int, out, in kernels.Buf) {
					if done == op && (n > 0 || name == "zero rows written") {
						fault(d, n, out, in)
					}
				}}
			})
			if len(errs) == 0 {
				t.Errorf("%s: %s: nothing found by %s", op, name, prefix)
			} else {
				t.Logf("%s: %s: %v", op, name, errs[0])
			}
		}
	}
}

// spoilt is the oracle with one method of its own, set by the tests.
type spoilt struct {
	kernels.Device
	alloc   func(n int64) (kernels.Buf, error)
	pack    func(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error)
	read    func(dst []byte, src kernels.Buf) error
	normQKV func(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows)
	attend  func(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows)
	mulAdd  func(x, y kernels.Mat, w kernels.Weight)
}

func newSpoilt() *spoilt {
	d := NewOracle()
	return &spoilt{Device: d, alloc: d.Alloc, pack: d.Pack, read: d.Read, normQKV: d.NormQKV, attend: d.Attend, mulAdd: d.MulAdd}
}

func (s *spoilt) Alloc(n int64) (kernels.Buf, error)        { return s.alloc(n) }
func (s *spoilt) Read(dst []byte, src kernels.Buf) error    { return s.read(dst, src) }
func (s *spoilt) MulAdd(x, y kernels.Mat, w kernels.Weight) { s.mulAdd(x, y, w) }
func (s *spoilt) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	s.attend(y, q, kv, at)
}
func (s *spoilt) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	s.normQKV(q, kv, x, w, at)
}
func (s *spoilt) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	return s.pack(t, out, in, src)
}

// shifted runs f with the positions of at changed by `by`.
func shifted(d kernels.Device, at kernels.Rows, by int32, f func()) {
	old := make([]byte, 4*at.N)
	if err := d.Read(old, at.Pos); err != nil {
		panic(err)
	}
	moved := make([]int32, at.N)
	for i := range moved {
		moved[i] = max(int32(binary.NativeEndian.Uint32(old[4*i:]))+by, 0)
	}
	d.Write(at.Pos, encode(moved))
	f()
	d.Write(at.Pos, old)
}

// TestSuiteFindsWrongDevices: faults that are not in one output.
func TestSuiteFindsWrongDevices(t *testing.T) {
	for _, c := range []struct {
		name, prefix string
		spoil        func(s *spoilt)
	}{
		{"memory not zeroed", "Memory", func(s *spoilt) {
			s.alloc = func(n int64) (kernels.Buf, error) {
				b, err := s.Device.Alloc(n)
				if err == nil && n > 1000 {
					s.Write(b.Slice(n-1, 1), []byte{1})
				}
				return b, err
			}
		}},
		{"memory not aligned", "Memory", func(s *spoilt) {
			s.alloc = func(n int64) (kernels.Buf, error) {
				b, err := s.Device.Alloc(n + 32)
				if err != nil {
					return b, err
				}
				return b.Slice(32, n), nil
			}
		}},
		{"reader's error swallowed", "Pack", func(s *spoilt) {
			s.pack = func(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
				w, err := s.Device.Pack(t, out, in, src)
				if err != nil {
					w.Buf, _ = s.Device.Alloc(int64(4 * out * in))
					w.Type, w.Out, w.In = t, out, in
				}
				return w, nil
			}
		}},
		{"reader's error replaced", "Pack", func(s *spoilt) {
			s.pack = func(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
				w, err := s.Device.Pack(t, out, in, src)
				if err != nil {
					err = io.ErrUnexpectedEOF
				}
				return w, err
			}
		}},
		{"reader's error sticks", "Pack", func(s *spoilt) {
			var first error
			s.pack = func(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
				w, err := s.Device.Pack(t, out, in, src)
				if first == nil {
					first = err
				}
				return w, err
			}
			s.read = func(dst []byte, src kernels.Buf) error {
				if first != nil {
					return first
				}
				return s.Device.Read(dst, src)
			}
		}},
		{"scale of the tensor ignored", "MulAdd/", func(s *spoilt) {
			s.mulAdd = func(x, y kernels.Mat, w kernels.Weight) {
				w.Scale = 1
				s.Device.MulAdd(x, y, w)
			}
		}},
		{"wrong shapes ignored", "Panics", func(s *spoilt) {
			s.mulAdd = func(x, y kernels.Mat, w kernels.Weight) {
				defer func() { _ = recover() }()
				s.Device.MulAdd(x, y, w)
			}
		}},
		{"a position too few", "Attend/", func(s *spoilt) {
			s.attend = func(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
				shifted(s, at, -1, func() { s.Device.Attend(y, q, kv, at) })
			}
		}},
		{"a position too many", "Attend/", func(s *spoilt) {
			s.attend = func(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
				if at.N < 100 && at.N > 3 { // only where the table has room: position 1000 of 1024
					shifted(s, at, 1, func() { s.Device.Attend(y, q, kv, at) })
					return
				}
				s.Device.Attend(y, q, kv, at)
			}
		}},
		{"rotation by the next position", "NormQKV/", func(s *spoilt) {
			s.normQKV = func(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
				shifted(s, at, -1, func() { s.Device.NormQKV(q, kv, x, w, at) })
			}
		}},
		{"a foreign slot written", "NormQKV/", func(s *spoilt) {
			s.normQKV = func(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
				s.Device.NormQKV(q, kv, x, w, at)
				poke(s, kv.V.Addr+uintptr(kv.V.Size)-4, zero)
			}
		}},
		{"a key stored wrong", "NormQKV/", func(s *spoilt) {
			s.normQKV = func(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
				s.Device.NormQKV(q, kv, x, w, at)
				raw := make([]byte, 4)
				if err := s.Read(raw, at.Slot); err != nil {
					panic(err)
				}
				if kv.Type == kernels.CacheF32 {
					poke(s, kv.K.Addr+uintptr(4*kv.HeadDim*line(kv, int(binary.NativeEndian.Uint32(raw)), 0)), nudge)
				}
			}
		}},
		{"scale of the cache doubled", "NormQKV/Q8", func(s *spoilt) {
			s.normQKV = func(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
				s.Device.NormQKV(q, kv, x, w, at)
				raw := make([]byte, 4)
				if err := s.Read(raw, at.Slot); err != nil {
					panic(err)
				}
				poke(s, kv.VScale.Addr+uintptr(4*line(kv, int(binary.NativeEndian.Uint32(raw)), 0)), func(v float32) float32 { return 2 * v })
			}
		}},
	} {
		errs := faultsFound(t, c.prefix, func() kernels.Device {
			s := newSpoilt()
			c.spoil(s)
			return s
		})
		if len(errs) == 0 {
			t.Errorf("%s: nothing found by %s", c.name, c.prefix)
		} else {
			t.Logf("%s: %v", c.name, errs[0])
		}
	}
}
