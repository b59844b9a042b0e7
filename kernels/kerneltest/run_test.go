package kerneltest

import (
	"testing"

	"orchrt/kernels"
)

func TestOracleConforms(t *testing.T) {
	Run(t, func(*testing.T) kernels.Device { return NewOracle() }, Options{Exact: true, HeadDims: []int{64, 80}})
}
