package runtime

import (
	"encoding/binary"
	"math"

	"orchrt/runtime/checkpoint"
)

// ropeTable returns cos and sin for every position of the context,
// [positions, headDim/2, 2] f32, computed in float64.
func ropeTable(c *checkpoint.Config, positions int) []byte {
	freq, attn := c.Frequencies()
	table := make([]byte, 0, positions*len(freq)*8)
	for pos := range positions {
		for _, f := range freq {
			sin, cos := math.Sincos(float64(pos) * f)
			table = binary.LittleEndian.AppendUint32(table, math.Float32bits(float32(attn*cos)))
			table = binary.LittleEndian.AppendUint32(table, math.Float32bits(float32(attn*sin)))
		}
	}
	return table
}
