package schema

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Error says what in a schema is malformed or cannot be enforced.
type Error struct {
	Path    string // JSON pointer to the subschema, "" for the root; with the resource's URI and '#' before it outside the document
	Keyword string // the keyword at fault, "" if it is the subschema itself
	Reason  string // what is wrong and what is expected

	at    *path
	cause error // what another package reported, unless the reason says it all
}

func (e *Error) Error() string {
	where := e.Path
	if where == "" {
		where = "the root"
	}
	if e.Keyword == "" {
		return fmt.Sprintf("schema at %s: %s", where, e.Reason)
	}
	return fmt.Sprintf("schema at %s: %s: %s", where, e.Keyword, e.Reason)
}

// path is where a subschema stands: a list of steps that ends at the root of a
// document. Steps are shared by everything below them.
type path struct {
	up    *path
	key   string
	index int    // used if key is "" and keyed is false
	keyed bool   // the step is a member, not an item
	doc   string // at the root: the URI of the document, "" for the one compiled
}

func (p *path) member(key string) *path { return &path{up: p, key: key, keyed: true} }
func (p *path) item(i int) *path        { return &path{up: p, index: i} }

// String returns the JSON pointer (RFC 6901).
func (p *path) String() string {
	var steps []*path
	for ; p.up != nil; p = p.up {
		steps = append(steps, p)
	}
	var b strings.Builder
	if p.doc != "" {
		b.WriteString(p.doc)
		b.WriteByte('#')
	}
	for i := len(steps) - 1; i >= 0; i-- {
		b.WriteByte('/')
		if s := steps[i]; s.keyed {
			b.WriteString(escaper.Replace(s.key))
		} else {
			b.WriteString(strconv.Itoa(s.index))
		}
	}
	return b.String()
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

// fail makes an Error about a keyword of the subschema at p.
func fail(p *path, keyword, format string, args ...any) *Error {
	return &Error{Path: p.String(), Keyword: keyword, Reason: fmt.Sprintf(format, args...), at: p}
}

// wrap makes an Error of what another package reports about a keyword.
func wrap(p *path, keyword string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := fail(p, keyword, "%s", reason(err, keyword))
	e.cause = err
	return e
}
