package gpu

import (
	"strings"

	"orchrt/kernels"
)

// embedArgs is EmbedArgs of embed.cu.
type embedArgs struct {
	y, table, ids uint64
	cols          int32
	gain          float32
}

// Embed implements kernels.Device.
func (d *Device) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	kernels.CheckEmbed(y, table, ids)
	if !d.ready(y.Rows) {
		return
	}
	groups := (y.Cols + 31) / 32
	launch(d, "embed_"+strings.ToLower(table.Type.String()), Grid{X: (groups + 127) / 128, Y: y.Rows, Threads: 128, Overlap: true},
		embedArgs{y: addr(y.Buf), table: addr(table.Buf), ids: addr(ids), cols: int32(y.Cols), gain: table.Scale})
}
