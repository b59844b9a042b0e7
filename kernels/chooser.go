package kernels

import "fmt"

// Chooser is a Device that finds the most likely tokens itself, so that logits
// need not leave its memory.
type Chooser interface {
	Device
	// MaxTop is the most tokens of a row that Top finds among vocab; 0: none.
	MaxTop(vocab int) int
	// Top finds, in each row of c, the K highest logits of the tokens allowed and
	// writes them to y in any order. Among equal logits the lower ids are found.
	Top(y Buf, logits Mat, c *Choice)
}

// Choice is what Top chooses among. An edit is applied first, then the mask.
type Choice struct {
	N     int // rows to choose for
	K     int // tokens to find in each, at most MaxTop
	Vocab int // logits [Vocab:] of a row are of no token

	Row   Buf // [N] i32: row of the logits
	Mask  Buf // [N] i32: row of Masks, or -1: every token is allowed
	Masks Buf // [any, ceil(Vocab/64)] u64: bit i%64 of word i/64 allows token i
	First Buf // [N+1] i32: edits First[i] to First[i+1]-1 are those of row i
	Edits Buf // [any] LogitEdit; at most one for each token of a row
}

// LogitEdit changes one logit in float32 arithmetic: x += Bias, x = x/Penalty
// where x > 0 and x*Penalty elsewhere, x -= Less. NaN stays.
type LogitEdit struct {
	ID                  int32
	Bias, Penalty, Less float32
}

// A row of Top's output is a TopHead and K TopTokens, of which N are set.
// Tokens with a logit of -Inf are not found.

// TopHeadBytes and TopTokenBytes are the sizes of both, and LogitEditBytes that of an edit.
const (
	TopHeadBytes   = 16
	TopTokenBytes  = 8
	LogitEditBytes = 16
)

// TopHead says how many tokens were found, or names the lowest allowed token whose
// logit is NaN or +Inf (N is -1 then).
type TopHead struct {
	N     int32
	ID    int32
	Value float32
	_     uint32
}

// TopToken is a token with its edited logit.
type TopToken struct {
	ID    int32
	Logit float32
}

// TopBytes is the size of Top's output.
func (c *Choice) TopBytes() int64 {
	return int64(c.N) * int64(TopHeadBytes+c.K*TopTokenBytes)
}

// CheckTop checks the operands of Chooser.Top.
func CheckTop(y Buf, logits Mat, c *Choice, maxTop int) {
	k := check("Top")
	k.that(c.N >= 0 && c.K > 0 && c.K <= maxTop, "%d rows of %d tokens, at most %d", c.N, c.K, maxTop)
	k.that(c.Vocab > 0 && c.Vocab <= logits.Cols, "%d tokens in rows of %d logits", c.Vocab, logits.Cols)
	k.buf("logits", logits.Buf, int64(logits.Rows)*int64(logits.Cols)*4)
	k.buf("y", y, c.TopBytes())
	k.buf("Row", c.Row, int64(c.N)*4)
	k.buf("Mask", c.Mask, int64(c.N)*4)
	k.buf("First", c.First, int64(c.N+1)*4)
	k.that(c.Masks.Size%(8*int64((c.Vocab+63)/64)) == 0, "Masks has %d bytes, not whole rows of %d words", c.Masks.Size, (c.Vocab+63)/64)
	k.that(c.Edits.Size%LogitEditBytes == 0, "Edits has %d bytes, not whole edits", c.Edits.Size)
}

// String is for messages.
func (t TopToken) String() string { return fmt.Sprintf("%d:%g", t.ID, t.Logit) }
