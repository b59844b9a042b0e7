package bench

import (
	"strings"

	"orchrt/runtime/checkpoint"
)

// DescribeModel says what a checkpoint holds and what running it costs.
func DescribeModel(ck *checkpoint.Checkpoint) Model {
	s := ck.Summary()
	m := Model{File: ck.Path(), Name: s.Name, Bytes: s.WeightBytes, Weights: s.Parameters, BytesPerToken: s.WeightBytes}
	if !ck.Config.Tied { // of an embedding that is not the head too, a token reads one row
		m.BytesPerToken -= ck.Bytes(checkpoint.Embedding)
	}
	var types []string
	for _, t := range s.Types {
		types = append(types, t.Type)
	}
	m.Types = strings.Join(types, " + ")
	for _, t := range ck.Tensors() {
		if strings.HasPrefix(t.Name, "blk.") && len(t.Shape) == 2 {
			m.FLOPPerToken += 2 * int64(t.Shape[0]) * int64(t.Shape[1])
		}
	}
	return m
}
