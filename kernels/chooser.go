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
	Drawn int32 // by Draw
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

// Drawer is a Chooser that draws, too, so that a step can be queued before the
// tokens that it starts from have reached the host.
type Drawer interface {
	Chooser
	// Draw draws from rows of top, which Top has written for k tokens each: the
	// i-th drawn id goes to ids[i] [n] i32, and to Drawn in the TopHead of its row of top. draws is
	// [n] DrawParams, in the device's memory. A row of which nothing was found gives 0.
	Draw(ids, top Buf, k int, draws Buf)
	// Later queues a copy of b to the host. The function returned waits for
	// the copy, not for what is queued after it, copies to dst, which has b's size, and returns
	// the first failure of the device; it is called once, in order.
	Later(b Buf) func(dst []byte) error
}

// DrawParams says how one token is drawn of the K best of a row: weights are
// exp((logit - highest) / Temperature); those kept are, in descending order, as few as reach TopP of
// the weight, and not below MinP of the highest; the token is at U in [0, 1) of what is left,
// laid out in order of id. Temperature 0 takes the highest.
type DrawParams struct {
	Temperature, TopP, MinP, U float64
	Row                        int32 // of Top's output
	K                          int32
}

// DrawParamsBytes is the size of DrawParams.
const DrawParamsBytes = 40

// CheckDraw checks the operands of Drawer.Draw.
func CheckDraw(ids, top Buf, k int, draws Buf) {
	c := check("Draw")
	n := draws.Size / DrawParamsBytes
	c.that(draws.Size%DrawParamsBytes == 0, "draws has %d bytes, not whole DrawParams", draws.Size)
	c.that(k > 0, "%d tokens a row", k)
	c.buf("ids", ids, 4*n)
	c.that(top.Size%int64(TopHeadBytes+k*TopTokenBytes) == 0, "top has %d bytes, not whole rows of %d tokens", top.Size, k)
}
