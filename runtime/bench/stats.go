package bench

import (
	"math"
	"slices"
)

// Series is a quantity measured several times.
type Series struct {
	Mean    float64   `json:"mean"`
	SD      float64   `json:"sd"` // of the sample, n-1; 0 for one value
	Samples []float64 `json:"samples"`
}

// seriesOf summarises samples.
func seriesOf(samples []float64) Series {
	s := Series{Samples: samples}
	if len(samples) == 0 {
		return s
	}
	for _, v := range samples {
		s.Mean += v
	}
	s.Mean /= float64(len(samples))
	if len(samples) > 1 {
		var sum float64
		for _, v := range samples {
			sum += (v - s.Mean) * (v - s.Mean)
		}
		s.SD = math.Sqrt(sum / float64(len(samples)-1))
	}
	return s
}

// Quantiles are the median and the 99th percentile, by nearest rank.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// quantilesOf returns the quantiles of samples, which it sorts.
func quantilesOf(samples []float64) Quantiles {
	if len(samples) == 0 {
		return Quantiles{}
	}
	slices.Sort(samples)
	rank := func(q float64) float64 {
		return samples[max(0, int(math.Ceil(q*float64(len(samples))))-1)]
	}
	return Quantiles{P50: rank(0.5), P99: rank(0.99)}
}
