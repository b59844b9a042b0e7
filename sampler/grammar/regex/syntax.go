package regex

import "fmt"

// PatternError says where and why a pattern cannot be used.
type PatternError struct {
	// Offset counts bytes of the pattern.
	Offset int
	Reason string
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("pattern, byte %d: %s", e.Offset, e.Reason)
}

// Limits of patterns.
const (
	maxPattern = 1 << 16 // bytes
	maxDepth   = 200     // nested groups
	maxCount   = 1 << 40 // repetitions, of nested counts together
	maxUnroll  = 1000    // repetitions of what holds an assertion
)

type op uint8

const (
	opSet    op = iota // one character of set
	opCat              // kids in turn
	opAlt              // any kid
	opRep              // kids[0], min to max times
	opBegin            // ^
	opEnd              // $
	opWord             // \b
	opAhead            // (?=kids[0])
	opBehind           // (?<=kids[0])
)

// tree is a parsed pattern.
type tree struct {
	op       op
	neg      bool // \B, (?!…), (?<!…)
	lines    bool // ^ and $ with flag m
	set      set
	kids     []*tree
	min, max int64
	offset   int

	pure    bool // holds no assertion
	behind  bool // holds an assertion about what came before
	lookers int  // one more than the index of the last kid with behind set
	tracked int  // which tracked language the assertion asks
	less    *tree
	lang    Lang // of a pure tree, once made
	made    bool
}

// newTree fills in what follows from the kids.
func newTree(t tree) *tree {
	switch t.op {
	case opBegin, opWord, opBehind:
		t.behind = true
	case opEnd:
	case opAhead:
		t.behind = t.kids[0].behind
	default:
		t.pure = true
		for i, k := range t.kids {
			t.pure = t.pure && k.pure
			if k.behind {
				t.behind, t.lookers = true, i+1
			}
		}
	}
	return &t
}

func catOf(kids ...*tree) *tree {
	if len(kids) == 1 {
		return kids[0]
	}
	return newTree(tree{op: opCat, kids: kids})
}

// anchored reports whether a match can only begin at the start of the string.
func (t *tree) anchored() bool {
	switch t.op {
	case opBegin:
		return !t.lines
	case opCat:
		for _, k := range t.kids {
			if k.anchored() {
				return true
			}
			if k.op < opBegin {
				return false
			}
		}
	case opAlt:
		for _, k := range t.kids {
			if !k.anchored() {
				return false
			}
		}
		return len(t.kids) > 0
	case opRep:
		return t.min > 0 && t.kids[0].anchored()
	}
	return false
}

// Sets of characters that patterns name.

func digitSet() set { return set{{'0', '9'}} }
func wordSet() set  { return set{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}} }

// spaceSet is WhiteSpace and LineTerminator of ECMA-262.
func spaceSet() set {
	return set{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A},
		{0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}}
}

// lineSet is LineTerminator of ECMA-262.
func lineSet() set { return set{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}} }
