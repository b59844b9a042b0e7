package netguard

import "io"

// Bound returns a body that fails with a *TooLarge after limit bytes.
func Bound(body io.ReadCloser, limit int64) io.ReadCloser {
	return &bounded{ReadCloser: body, left: limit, limit: limit}
}

// bounded is a body that fails after so many bytes.
type bounded struct {
	io.ReadCloser
	left, limit int64
}

// Read implements io.Reader. A body of just the limit ends as usual.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &TooLarge{b.limit}
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, &TooLarge{b.limit}
	}
	return n, err
}
