package chat

// jsonScanner checks one JSON object byte by byte, so that text can be passed
// on before the object ends. It accepts what RFC 8259 does, to a bounded depth.
type jsonScanner struct {
	state  scanState
	stack  []byte // open brackets
	hex    int    // digits left of a \u escape
	key    bool   // the string being read is a key
	number numberState
	word   string // what is left of true, false or null
}

type scanState int

const (
	scanValue      scanState = iota // a value must come
	scanFirstKey                    // a key or }
	scanKey                         // a key
	scanColon                       // :
	scanFirstValue                  // a value or ]
	scanComma                       // , or a closing bracket
	scanString
	scanEscape
	scanHex
	scanNumber
	scanWord
	scanDone // the object is closed
)

type numberState int

const (
	numMinus numberState = iota
	numZero
	numInt
	numDot
	numFrac
	numE
	numSign
	numExp
)

// maxScanDepth bounds nesting.
const maxScanDepth = 512

// step takes the next byte. It returns false where that byte cannot follow.
func (s *jsonScanner) step(c byte) bool {
	switch s.state {
	case scanString:
		return s.stepString(c)
	case scanEscape:
		return s.stepEscape(c)
	case scanHex:
		if s.hex--; s.hex == 0 {
			s.state = scanString
		}
		return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
	case scanNumber:
		if s.stepNumber(c) {
			return true
		}
		if !s.numberComplete() {
			return false
		}
		s.state = scanComma // and c follows the number
	case scanWord:
		if s.word[0] != c {
			return false
		}
		if s.word = s.word[1:]; s.word == "" {
			s.state = scanComma
		}
		return true
	case scanDone:
		return false
	}
	if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
		return true
	}
	return s.stepStructure(c)
}

func (s *jsonScanner) stepString(c byte) bool {
	switch {
	case c == '\\':
		s.state = scanEscape
	case c == '"' && s.key:
		s.state = scanColon
	case c == '"':
		s.state = scanComma
	}
	return c >= 0x20
}

func (s *jsonScanner) stepEscape(c byte) bool {
	s.state = scanString
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		s.state, s.hex = scanHex, 4
		return true
	}
	return false
}

// stepStructure takes a byte between values.
func (s *jsonScanner) stepStructure(c byte) bool {
	switch s.state {
	case scanFirstKey, scanKey:
		if c == '}' && s.state == scanFirstKey {
			return s.pop('{')
		}
		s.state, s.key = scanString, true
		return c == '"'
	case scanColon:
		s.state = scanValue
		return c == ':'
	case scanComma:
		return s.stepComma(c)
	case scanFirstValue:
		if c == ']' {
			return s.pop('[')
		}
	}
	return s.startValue(c)
}

func (s *jsonScanner) stepComma(c byte) bool {
	switch c {
	case '}':
		return s.pop('{')
	case ']':
		return s.pop('[')
	case ',':
		s.state = scanValue
		if s.stack[len(s.stack)-1] == '{' {
			s.state = scanKey
		}
		return true
	}
	return false
}

func (s *jsonScanner) startValue(c byte) bool {
	if len(s.stack) == 0 && c != '{' {
		return false
	}
	switch c {
	case '{', '[':
		s.stack = append(s.stack, c)
		s.state = scanFirstKey
		if c == '[' {
			s.state = scanFirstValue
		}
		return len(s.stack) <= maxScanDepth
	case '"':
		s.state, s.key = scanString, false
		return true
	case 't':
		s.word = "rue"
	case 'f':
		s.word = "alse"
	case 'n':
		s.word = "ull"
	default:
		return s.startNumber(c)
	}
	s.state = scanWord
	return true
}

func (s *jsonScanner) pop(open byte) bool {
	n := len(s.stack) - 1
	if s.stack[n] != open {
		return false
	}
	s.stack = s.stack[:n]
	s.state = scanComma
	if n == 0 {
		s.state = scanDone
	}
	return true
}

func (s *jsonScanner) startNumber(c byte) bool {
	s.state = scanNumber
	switch {
	case c == '-':
		s.number = numMinus
	case c == '0':
		s.number = numZero
	case c >= '1' && c <= '9':
		s.number = numInt
	default:
		return false
	}
	return true
}

// stepNumber takes c if it goes on with the number.
func (s *jsonScanner) stepNumber(c byte) bool {
	digit := c >= '0' && c <= '9'
	next := numberState(-1)
	switch n := s.number; {
	case n == numMinus && c == '0':
		next = numZero
	case n == numMinus && digit, n == numInt && digit:
		next = numInt
	case (n == numZero || n == numInt) && c == '.':
		next = numDot
	case (n == numDot || n == numFrac) && digit:
		next = numFrac
	case (n == numZero || n == numInt || n == numFrac) && c|0x20 == 'e':
		next = numE
	case n == numE && (c == '+' || c == '-'):
		next = numSign
	case (n == numE || n == numSign || n == numExp) && digit:
		next = numExp
	}
	if next < 0 {
		return false
	}
	s.number = next
	return true
}

func (s *jsonScanner) numberComplete() bool {
	switch s.number {
	case numZero, numInt, numFrac, numExp:
		return true
	}
	return false
}

// callScanner finds name and arguments in a tool call's object as its text
// arrives.
type callScanner struct {
	json     jsonScanner
	raw      []byte // what has been taken
	keyAt    int    // where the current key of the outer object begins, at its quote
	key      string
	name     string
	hasName  bool
	valueAt  int // where the value of "name" begins; 0 outside it
	argsAt   int // where the arguments begin; 0 until then
	argsEnd  int // where they have ended; 0 until then
	nameSeen bool
}

// step takes the next byte. It returns false where the text is no tool call.
func (s *callScanner) step(c byte) bool {
	before, depth := s.json.state, len(s.json.stack)
	if !s.json.step(c) {
		return false
	}
	s.raw = append(s.raw, c)
	if !s.note(c, before, depth) {
		s.raw = s.raw[:len(s.raw)-1]
		return false
	}
	return true
}

// note follows the outer object: c has just been taken, in the state and at the
// depth given.
func (s *callScanner) note(c byte, before scanState, depth int) bool {
	at, after := len(s.raw)-1, s.json.state
	if depth == 2 && len(s.json.stack) == 1 && s.argsAt > 0 && s.argsEnd == 0 {
		s.argsEnd = at + 1
	}
	if depth != 1 {
		return true
	}
	switch {
	case (before == scanFirstKey || before == scanKey) && after == scanString:
		s.keyAt = at
	case before == scanString && after == scanColon:
		key, ok := unquote(s.raw[s.keyAt:])
		s.key = key
		return ok && s.newKey()
	case before == scanValue && after != scanValue:
		return s.value(c, at)
	case s.valueAt > 0 && before == scanString && after == scanComma:
		name, ok := unquote(s.raw[s.valueAt:])
		s.name, s.hasName, s.valueAt = name, ok && name != "", 0
		return s.hasName
	}
	return true
}

// newKey refuses a second name or second arguments.
func (s *callScanner) newKey() bool {
	switch s.key {
	case "name":
		seen := s.nameSeen
		s.nameSeen = true
		return !seen
	case "arguments":
		return s.argsAt == 0
	}
	return true
}

// value notes where a value of the outer object begins; the name must be a
// string and the arguments an object.
func (s *callScanner) value(c byte, at int) bool {
	switch s.key {
	case "name":
		s.valueAt = at
		return c == '"'
	case "arguments":
		if c != '{' {
			return false
		}
		s.argsAt = at
	}
	return true
}

func (s *callScanner) done() bool { return s.json.state == scanDone }
