package kerneltest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"orchrt/kernels"
)

// Options say what a device takes and how close to float64 it must come.
//
// A bound is on the relative error √(Σ(got-want)²/Σwant²) of an operation's
// output; single values may be off by eight times as much of the output's root
// mean square. The zero value asks for every type, heads of 64 and 128 values,
// and the accuracy of activations rounded to 8 bits for block formats.
type Options struct {
	Types    []kernels.Type           // formats that the device packs; nil: all
	HeadDims []int                    // head sizes; nil: 64 and 128
	Caches   []kernels.CacheType      // cache types; nil: F16, F32 and Q8
	Exact    bool                     // float32 activations everywhere: 1e-5 for all types
	Tol      map[kernels.Type]float64 // bounds by weight type, instead of the usual ones
	Attend   float64                  // bound of Attend; 0: 1e-5
	Regimes  []int                    // most rows of each way to multiply but the last, from the fewest; a row depends on nothing else of its step
	Many     []int                    // row counts of steps that are large for the device; nil: no such cases
}

// tol is the bound of an operation that multiplies by weights of these types.
func (o Options) tol(types ...kernels.Type) float64 {
	worst := 0.0
	for _, t := range types {
		tol, ok := o.Tol[t]
		if f, _ := t.Format(); !ok {
			tol = 1e-5
			if f.Values > 1 && !o.Exact {
				tol = 1e-2
			}
		}
		worst = max(worst, tol)
	}
	return worst
}

// regime numbers the way in which steps of n rows are multiplied.
func (o Options) regime(n int) int {
	for i, most := range o.Regimes {
		if n <= most {
			return i
		}
	}
	return len(o.Regimes)
}

// withDefaults fills what is not set.
func (o Options) withDefaults() Options {
	if o.Types == nil {
		o.Types = AllTypes()
	}
	if o.HeadDims == nil {
		o.HeadDims = []int{64, 128}
	}
	if o.Caches == nil {
		o.Caches = []kernels.CacheType{kernels.CacheF16, kernels.CacheF32, kernels.CacheQ8}
	}
	if o.Attend == 0 {
		o.Attend = 1e-5
	}
	return o
}

// AllTypes lists the formats of package kernels.
func AllTypes() []kernels.Type {
	var all []kernels.Type
	for t := kernels.Type(0); t < 256; t++ {
		if _, ok := t.Format(); ok {
			all = append(all, t)
		}
	}
	return all
}

// Run checks the devices that newDevice makes, each case on a new one in a
// subtest of its own, and closes them.
func Run(t *testing.T, newDevice func(t *testing.T) kernels.Device, opt Options) {
	runCases(t, newDevice, cases(opt.withDefaults()))
}

// RunMany runs only the cases of Options.Many.
func RunMany(t *testing.T, newDevice func(t *testing.T) kernels.Device, opt Options) {
	runPart(t, newDevice, opt, "Many")
}

// RunAttend runs only the cases of Attend.
func RunAttend(t *testing.T, newDevice func(t *testing.T) kernels.Device, opt Options) {
	runPart(t, newDevice, opt, "Attend")
}

// runPart runs the cases whose names begin with prefix.
func runPart(t *testing.T, newDevice func(t *testing.T) kernels.Device, opt Options, prefix string) {
	runCases(t, newDevice, slices.DeleteFunc(cases(opt.withDefaults()), func(c testCase) bool { return !strings.HasPrefix(c.name, prefix) }))
}

func runCases(t *testing.T, newDevice func(t *testing.T) kernels.Device, all []testCase) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			dev := newDevice(t)
			for _, err := range c.check(dev) {
				t.Error(err)
			}
			if err := dev.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// testCase is one named part of the suite.
type testCase struct {
	name string
	opt  Options
	run  func(r *rig)
}

// cases lists the suite.
func cases(opt Options) []testCase {
	var all []testCase
	add := func(name string, run func(r *rig)) { all = append(all, testCase{name, opt, run}) }
	add("Memory", checkMemory)
	add("Pack", checkPack)
	add("Panics", checkPanics)
	add("ZeroRows", checkZeroRows)
	add("Top", checkTop)
	add("Draw", checkDraw)
	for _, t := range opt.Types {
		add("Embed/"+t.String(), func(r *rig) { checkEmbed(r, t) })
		add("MulAdd/"+t.String(), func(r *rig) { checkMulAdd(r, t) })
		add("Extremes/"+t.String(), func(r *rig) { checkExtremes(r, t) })
		add("Large/"+t.String(), func(r *rig) { checkLarge(r, t) })
		add("NormGateUp/"+t.String(), func(r *rig) { checkNormGateUp(r, t) })
		add("NormLogits/"+t.String(), func(r *rig) { checkNormLogits(r, t) })
		add("Independence/"+t.String(), func(r *rig) { checkRowsAlone(r, t) })
		if opt.Many != nil {
			add("Many/"+t.String(), func(r *rig) { checkMany(r, t) })
			add("ManyIndependence/"+t.String(), func(r *rig) { checkManyAlone(r, t) })
		}
	}
	if opt.Many != nil {
		add("ManyShapes", checkManyShapes)
		add("ManyQKV", checkManyQKV)
	}
	for _, dim := range opt.HeadDims {
		for _, cache := range opt.Caches {
			on := fmt.Sprintf("/%s-%d", cacheName(cache), dim)
			add("NormQKV"+on, func(r *rig) { checkNormQKV(r, cache, dim) })
			add("Attend"+on, func(r *rig) { checkAttend(r, cache, dim) })
			add("Steps"+on, func(r *rig) { checkSteps(r, cache, dim) })
			add("AttendIndependence"+on, func(r *rig) { checkAttendAlone(r, cache, dim) })
			add("NormQKVIndependence"+on, func(r *rig) { checkNormQKVAlone(r, cache, dim) })
		}
	}
	return all
}

// errStop ends a case after a fault that makes the rest pointless.
var errStop = errors.New("stop")

// check runs the case on dev and returns its faults.
func (c testCase) check(dev kernels.Device) (errs []error) {
	h := fnv.New64a()
	h.Write([]byte(c.name))
	r := &rig{dev: dev, ref: NewOracle(), opt: c.opt, random: rand.New(rand.NewPCG(h.Sum64(), 1))}
	defer func() {
		errs = r.errs
		if p := recover(); p != nil && p != errStop {
			errs = append(errs, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	c.run(r)
	return r.errs
}

// cacheName is the name of a cache type in the names of cases.
func cacheName(t kernels.CacheType) string {
	switch t {
	case kernels.CacheF16:
		return "F16"
	case kernels.CacheF32:
		return "F32"
	case kernels.CacheQ8:
		return "Q8"
	case kernels.CacheFP8:
		return "FP8"
	}
	return fmt.Sprint(int(t))
}
