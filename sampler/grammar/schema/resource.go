package schema

import (
	"net/url"
	"strconv"
	"strings"

	"orchrt/sampler/grammar/value"
)

// target is a subschema: its text, where it stands and the resource it belongs to.
type target struct {
	at  *path
	v   *value.Value
	res *resource
}

// resource is a part of a document with a URI of its own: the document itself
// or what stands under a subschema with $id.
type resource struct {
	uri     string // absolute if anything was; no fragment
	top     target
	doc     target // the top of the document that it is part of
	draft   Draft
	stated  bool // $schema said which draft
	vocab   vocabulary
	anchors map[string]target
	dynamic map[string]target // those of $dynamicAnchor
	again   bool              // $recursiveAnchor: true
}

// library holds the resources known so far.
type library struct {
	c       *compiler
	byURI   map[string]*resource
	twice   map[string]bool                          // URIs that two resources claim
	byTop   map[*value.Value]*resource               // resources by their top subschema
	index   map[*value.Value]map[string]*value.Value // members of large objects that pointers led through
	strays  map[*value.Value]bool                    // subschemas at unknown keywords that were walked because of a reference
	dialect map[string]*resource                     // in progress, against cycles of $schema
}

// open walks a document for resources and anchors.
func (l *library) open(uri string, v *value.Value) (*resource, error) {
	at := &path{}
	if len(l.byTop) > 0 {
		at.doc = uri
	}
	res := &resource{uri: uri, top: target{at: at, v: v}, draft: l.c.opt.Draft, vocab: usual}
	res.top.res = res
	res.doc = res.top
	if uri != "" {
		l.byURI[uri] = res
	} else if l.byURI[""] == nil {
		l.byURI[""] = res
	}
	l.byTop[v] = res
	if err := l.identify(res, v, at); err != nil {
		return nil, err
	}
	w := walker{l: l, base: at}
	return res, w.subschema(v, res, true)
}

// identify reads $schema at the top of a resource.
func (l *library) identify(res *resource, v *value.Value, at *path) error {
	s := member(v, "$schema")
	if s == nil || s.Kind != value.String {
		return nil
	}
	if d, ok := draftOf(s.Text); ok {
		res.draft, res.vocab, res.stated = d, usual, true
		return nil
	}
	uri, _, _ := strings.Cut(s.Text, "#")
	meta := l.known(uri)
	if meta == nil {
		return nil // the dialect of a stranger: its words that we know mean what they usually do
	}
	if l.dialect[uri] != nil {
		return fail(at, "$schema", "the meta-schema %q is described by itself", uri)
	}
	l.dialect[uri] = res
	defer delete(l.dialect, uri)
	if err := l.identify(res, meta, at); err != nil {
		return err
	}
	res.stated = true
	words := member(meta, "$vocabulary")
	if words == nil || words.Kind != value.Object || res.draft < Draft2019 {
		return nil
	}
	res.vocab = 0
	for i := range words.Members {
		w := &words.Members[i]
		v, known := vocabularyOf(w.Key)
		needed := w.Value.Kind == value.True
		if needed && !known {
			return fail(at, "$schema", "the meta-schema %q requires the vocabulary %q, which is not supported", uri, w.Key)
		}
		if needed || v == formatAssertion {
			res.vocab |= v
		}
	}
	return nil
}

// known returns a document that may be referred to although nothing is fetched.
func (l *library) known(uri string) *value.Value {
	if v, ok := l.c.remotes[uri]; ok {
		return v
	}
	if v, ok := l.c.opt.Remotes[uri]; ok {
		l.c.remotes[uri] = &v
		return &v
	}
	if v := metaSchema(uri); v != nil {
		l.c.remotes[uri] = v
		return v
	}
	return nil
}

// walker finds resources and anchors below one subschema.
type walker struct {
	l     *library
	base  *path
	steps []path // from base; up is not set
}

// here returns the path of the subschema that the walk stands at.
func (w *walker) here() *path {
	p := w.base
	for i := range w.steps {
		s := w.steps[i]
		s.up = p
		p = &s
	}
	return p
}

func (w *walker) subschema(v *value.Value, res *resource, top bool) error {
	if v.Kind != value.Object {
		return nil
	}
	if len(w.steps) > maxDepth {
		return fail(w.here(), "", "subschemas are nested more than %d deep", maxDepth)
	}
	if err := w.l.c.spend(1 + len(v.Members)); err != nil {
		return wrap(w.here(), "", err)
	}
	res, err := w.names(v, res, top)
	if err != nil {
		return err
	}
	for i := range v.Members {
		m := &v.Members[i]
		p := res.draft.placeOf(m.Key)
		if p == notSchema || m.Value.Kind != value.Object && m.Value.Kind != value.Array {
			continue
		}
		w.steps = append(w.steps, path{key: m.Key, keyed: true})
		if err := w.keyword(&m.Value, p, res); err != nil {
			return err
		}
		w.steps = w.steps[:len(w.steps)-1]
	}
	return nil
}

func (w *walker) keyword(v *value.Value, p place, res *resource) error {
	list := p == schemaList || p == schemaOrList && v.Kind == value.Array
	switch {
	case list && v.Kind == value.Array:
		for i := range v.Items {
			if err := w.step(path{index: i}, &v.Items[i], res); err != nil {
				return err
			}
		}
	case list:
	case p == schemaMap || p == schemaMapOrLists:
		for i := range v.Members {
			m := &v.Members[i]
			if err := w.step(path{key: m.Key, keyed: true}, &m.Value, res); err != nil {
				return err
			}
		}
	default:
		return w.subschema(v, res, false)
	}
	return nil
}

func (w *walker) step(s path, v *value.Value, res *resource) error {
	if v.Kind != value.Object {
		return nil
	}
	w.steps = append(w.steps, s)
	err := w.subschema(v, res, false)
	w.steps = w.steps[:len(w.steps)-1]
	return err
}

// names reads the identifiers of one subschema and returns the resource it belongs to.
func (w *walker) names(v *value.Value, res *resource, top bool) (*resource, error) {
	var id, anchor, dynamic, dialect *value.Value
	again, ref := false, false
	for i := range v.Members {
		switch m := &v.Members[i]; m.Key {
		case "$id", "id":
			if m.Value.Kind == value.String {
				if m.Key == "$id" || res.draft == Draft4 || member(v, "$schema") != nil {
					id = w.pick(id, m, res, v, top)
				}
			}
		case "$anchor":
			anchor = &m.Value
		case "$dynamicAnchor":
			dynamic = &m.Value
		case "$recursiveAnchor":
			again = m.Value.Kind == value.True
		case "$ref":
			ref = m.Value.Kind == value.String
		case "$schema":
			dialect = &m.Value
		}
	}
	if ref && res.draft < Draft2019 {
		return res, nil // everything beside $ref is ignored
	}
	if id != nil {
		name, fragment, _ := strings.Cut(id.Text, "#")
		if name != "" {
			var err error
			if res, err = w.resource(name, v, res, top, dialect != nil); err != nil {
				return nil, err
			}
		}
		if fragment != "" && res.draft < Draft2019 && fragment[0] != '/' {
			w.anchor(res, fragment, v, false)
		}
	}
	if res.draft >= Draft2019 && anchor != nil && anchor.Kind == value.String {
		w.anchor(res, anchor.Text, v, false)
	}
	if res.draft >= Draft2020 && dynamic != nil && dynamic.Kind == value.String {
		w.anchor(res, dynamic.Text, v, true)
	}
	if again && res.draft == Draft2019 && v == res.top.v {
		res.again = true
	}
	return res, nil
}

// pick returns the identifier that counts: the one in the spelling of the
// draft that the subschema is written in.
func (w *walker) pick(old *value.Value, m *value.Member, res *resource, v *value.Value, top bool) *value.Value {
	draft := res.draft
	if s := member(v, "$schema"); !top && s != nil && s.Kind == value.String {
		if d, ok := draftOf(s.Text); ok {
			draft = d
		}
	}
	if m.Key == draft.idKeyword() {
		return &m.Value
	}
	return old
}

// resource starts a resource at v, or names the document if v is its top.
func (w *walker) resource(name string, v *value.Value, res *resource, top, dialect bool) (*resource, error) {
	uri, err := join(res.uri, name)
	if err != nil {
		return nil, fail(w.here(), res.draft.idKeyword(), "%q is not a URI: %v", name, err)
	}
	l := w.l
	if !top {
		at := w.here()
		res = &resource{uri: uri, top: target{at: at, v: v}, doc: res.doc, draft: res.draft, stated: res.stated, vocab: res.vocab}
		res.top.res = res
		l.byTop[v] = res
		if dialect {
			if err := l.identify(res, v, at); err != nil {
				return nil, err
			}
		}
	}
	res.uri = uri
	if old := l.byURI[uri]; old != nil && old != res {
		l.twice[uri] = true
	} else {
		l.byURI[uri] = res
	}
	return res, nil
}

func (w *walker) anchor(res *resource, name string, v *value.Value, dynamic bool) {
	t := target{at: w.here(), v: v, res: res}
	if res.anchors == nil {
		res.anchors = map[string]target{}
	}
	if _, ok := res.anchors[name]; !ok {
		res.anchors[name] = t
	}
	if dynamic {
		if res.dynamic == nil {
			res.dynamic = map[string]target{}
		}
		res.dynamic[name] = t
	}
}

// resolve finds what a reference in res leads to. anchor is the fragment if
// that is a name and not a pointer.
func (l *library) resolve(res *resource, ref string, at *path, keyword string) (t target, anchor string, err error) {
	name, fragment, _ := strings.Cut(ref, "#")
	if name != "" {
		if res, err = l.find(res, name, at, keyword, ref); err != nil {
			return target{}, "", err
		}
	}
	if strings.IndexByte(fragment, '%') >= 0 {
		if fragment, err = url.PathUnescape(fragment); err != nil {
			return target{}, "", fail(at, keyword, "%q has a malformed fragment: %v", ref, err)
		}
	}
	if fragment == "" {
		return res.top, "", nil
	}
	if fragment[0] != '/' {
		t, ok := res.anchors[fragment]
		if !ok {
			return target{}, "", fail(at, keyword, "%q leads nowhere: there is no anchor %q", ref, fragment)
		}
		return t, fragment, nil
	}
	t, err = l.pointer(res.top, fragment, at, keyword, ref)
	if err != nil && name == "" && res.doc.v != res.top.v {
		// Schemas written for tools that know no embedded resources point
		// from the top of the document.
		if d, e := l.pointer(res.doc, fragment, at, keyword, ref); e == nil {
			return d, "", nil
		}
	}
	return t, "", err
}

// find returns the resource with a URI.
func (l *library) find(res *resource, name string, at *path, keyword, ref string) (*resource, error) {
	uri, err := join(res.uri, name)
	if err != nil {
		return nil, fail(at, keyword, "%q is not a URI reference: %v", ref, err)
	}
	if l.twice[uri] {
		return nil, fail(at, keyword, "%q is ambiguous: several subschemas have this URI", ref)
	}
	if r := l.byURI[uri]; r != nil {
		return r, nil
	}
	if v := l.known(uri); v != nil {
		r, err := l.open(uri, v)
		if err != nil {
			return nil, err
		}
		l.byURI[uri] = r
		return r, nil
	}
	if own := metaSchemaURI(uri); own != uri {
		return l.find(res, own, at, keyword, ref)
	}
	return nil, fail(at, keyword, "%q is outside the schema, and nothing is fetched: put the definition into $defs. Known without that: %s", ref, metaSchemaNames)
}

// pointer follows a JSON pointer from the top of a resource.
func (l *library) pointer(t target, fragment string, at *path, keyword, ref string) (target, error) {
	holds := oneSchema
	for token := range strings.SplitSeq(fragment[1:], "/") {
		if err := l.c.spend(1); err != nil {
			return target{}, wrap(at, keyword, err)
		}
		next := target{res: t.res}
		switch t.v.Kind {
		case value.Object:
			key := unescaper.Replace(token)
			next.at, next.v = t.at.member(key), l.member(t.v, key)
			holds = below(holds, t.res.draft, key, next.v)
		case value.Array:
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(t.v.Items) {
				next.at, next.v = t.at.item(i), &t.v.Items[i]
			}
			if holds == schemaList {
				holds = oneSchema
			} else {
				holds = notSchema
			}
		}
		if next.v == nil {
			return target{}, fail(at, keyword, "%q leads nowhere: there is no %q at %q", ref, token, t.at.String())
		}
		if r := l.byTop[next.v]; r != nil {
			next.res = r
		}
		t = next
	}
	if holds == oneSchema || l.strays[t.v] {
		return t, nil
	}
	// The walk of the document has not been here: no keyword holds this subschema.
	l.strays[t.v] = true
	w := walker{l: l, base: t.at}
	if err := w.subschema(t.v, t.res, false); err != nil {
		return target{}, err
	}
	if r := l.byTop[t.v]; r != nil {
		t.res = r
	}
	return t, nil
}

// member is like the function, with an index for large objects.
func (l *library) member(v *value.Value, key string) *value.Value {
	if len(v.Members) < 32 {
		return member(v, key)
	}
	m := l.index[v]
	if m == nil {
		m = make(map[string]*value.Value, len(v.Members))
		for i := range v.Members {
			m[v.Members[i].Key] = &v.Members[i].Value
		}
		l.index[v] = m
	}
	return m[key]
}

// below returns what v holds, the member key of something that holds h.
func below(h place, d Draft, key string, v *value.Value) place {
	switch h {
	case oneSchema:
		h = d.placeOf(key)
		if h == schemaOrList && v != nil {
			if v.Kind == value.Array {
				return schemaList
			}
			return oneSchema
		}
		return h
	case schemaMap, schemaMapOrLists:
		return oneSchema
	}
	return notSchema
}

var unescaper = strings.NewReplacer("~1", "/", "~0", "~")

// join resolves a URI reference.
func join(base, ref string) (string, error) {
	r, err := url.Parse(ref)
	if err != nil {
		return "", err
	}
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	u := b.ResolveReference(r)
	if !r.IsAbs() && b.Opaque != "" {
		u.Opaque = b.Opaque
	}
	return u.String(), nil
}
