package openai

import "encoding/json"

// Reader reads the fields of one JSON object as strictly as this package reads
// its own requests: every field that is read counts as known, Done reports the
// first that nobody read, and the first error sticks. Package anthropic reads
// its requests with it.
type Reader struct{ o *object }

// ReadBody checks a whole request body and splits it into fields.
func ReadBody(body []byte) (Reader, *Error) {
	o, err := parseBody(body)
	return Reader{o}, err
}

// ReadObject splits a JSON object out of a body that ReadBody has passed; path
// is where it stands.
func ReadObject(path string, raw json.RawMessage) (Reader, *Error) {
	o, err := newObject(path, raw)
	return Reader{o}, err
}

// ReadArray splits a JSON array out of a body that ReadBody has passed.
func ReadArray(path string, raw json.RawMessage) ([]json.RawMessage, *Error) {
	return elements(path, raw)
}

// In is the path of the field name.
func (r Reader) In(name string) string { return r.o.in(name) }

// Raw is the value of a field; ok is false where it is absent or null.
func (r Reader) Raw(name string) (raw json.RawMessage, ok bool) { return r.o.raw(name) }

// String reads a string; ok is false where it is absent or null.
func (r Reader) String(name string) (s string, ok bool) { return r.o.str(name) }

// Bool reads true or false, with a default.
func (r Reader) Bool(name string, def bool) bool { return r.o.boolean(name, def) }

// Integer reads a whole number from low to high; nil where it is absent.
func (r Reader) Integer(name string, low, high int64) *int64 { return r.o.integer(name, low, high) }

// Only refuses every value but those listed (as JSON) and null: for fields that
// may be sent where they change nothing.
func (r Reader) Only(name, why string, allowed ...string) { r.o.only(name, why, allowed...) }

// Fail keeps err if it is the first error.
func (r Reader) Fail(err *Error) {
	if err != nil {
		r.o.fail(err)
	}
}

// Err is the first error so far.
func (r Reader) Err() *Error { return r.o.err }

// Done returns the first error, or one about the first field that nobody read.
func (r Reader) Done() *Error { return r.o.done() }

// Sampling reads the sampling fields that all requests share, but for those of
// log probabilities.
func (r Reader) Sampling(into *ChatRequest) { into.Sampling = readSampling(r.o) }

// Model reads the name of the model, which every request must give.
func (r Reader) Model(into *ChatRequest) { into.Model = readModel(r.o) }

// Stop reads a list of stop strings.
func (r Reader) Stop(name string) []string {
	raw, ok := r.o.raw(name)
	if !ok {
		return nil
	}
	if raw[0] != '[' {
		r.o.fail(wrongType(r.o.in(name), "an array", raw))
		return nil
	}
	stop, err := parseStop(r.o.in(name), raw)
	r.Fail(err)
	return stop
}

// ReadCacheControl reads cache_control, Anthropic's hint that a prompt is to be
// cached up to here, which clients send to chat completions too. It asks for what
// happens anyway: the prefix cache holds every prompt while there is memory.
func ReadCacheControl(o Reader) {
	raw, ok := o.Raw("cache_control")
	if !ok {
		return
	}
	c, err := ReadObject(o.In("cache_control"), raw)
	if err != nil {
		o.Fail(err)
		return
	}
	if typ, _ := c.String("type"); typ != "ephemeral" {
		c.Fail(invalid(c.In("type"), CodeInvalidValue, "%q must be %q", c.In("type"), "ephemeral"))
	}
	c.Only("ttl", "the prefix cache holds a prompt while there is memory", `"5m"`)
	o.Fail(c.Done())
}

// Invalid is a 400 about the field param, with one of the Code constants.
func Invalid(param, code, format string, args ...any) *Error {
	return invalid(param, code, format, args...)
}

// Unquote is the text of a JSON string that ReadBody has passed.
func Unquote(raw json.RawMessage) string { return unquote(raw) }

// Clip shortens a text that a message quotes.
func Clip(s string) string { return clip(s) }

// WrongType is the 400 for a value of the wrong JSON type.
func WrongType(path, want string, raw json.RawMessage) *Error { return wrongType(path, want, raw) }

// NewID returns prefix and 24 random hexadecimal digits.
func NewID(prefix string) string { return newID(prefix) }
