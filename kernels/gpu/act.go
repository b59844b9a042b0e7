package gpu

// actRows is the number of rows that activations of the tensor-core paths are
// padded to (act.cuh).
const actRows = 128

// actSize is the layout of n rows of k values (act.cuh): blocks bytes of 16-bit
// values, then a float32 scale for each of the padded rows.
func actSize(n, k int) (rows int, blocks, total int64) {
	rows = (n + actRows - 1) / actRows * actRows
	blocks = int64(rows) * int64((k+255)/256*256) * 2
	return rows, blocks, blocks + 4*int64(rows)
}
