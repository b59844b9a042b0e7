// Package kerneltest is the conformance suite that every kernels.Device passes,
// and the device that it is measured against.
//
// NewOracle is a Device in plain Go with float64 arithmetic: the executable
// definition of the operations, also good enough to run tiny models in tests.
//
// Run gives each operation random data in odd shapes on the device under test
// and on the oracle and compares; every buffer lies between guard bytes. It
// also checks what the package documentation of kernels promises: rows that do
// not depend on their company, inputs and cache slots left alone, zero rows,
// panics on wrong shapes, errors of a reader that do not stick.
package kerneltest
