package tools

import (
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxSecretFile bounds what ${file:…} reads.
const maxSecretFile = 64 << 10

// expand replaces ${NAME}, ${NAME:-text}, ${env:NAME} and ${file:PATH} in text;
// $${ stands for ${. Where secret is set, what was put in is kept as a secret.
func (d *decoder) expand(line int, what, text string, secret bool) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			d.fail(line, "%s: ${ without }; write $${ for the characters themselves", what)
			return b.String()
		}
		value, private := d.variable(line, what, text[i+2:i+end])
		if (secret || private) && value != "" {
			d.secrets = append(d.secrets, value)
		}
		b.WriteString(value)
		text = text[i+end+1:]
	}
}

// variable is the value of what stands between ${ and }. Contents of files are
// private.
func (d *decoder) variable(line int, what, ref string) (value string, private bool) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return d.secretFile(line, what, path), true
	}
	name, fallback, hasDefault := strings.Cut(strings.TrimPrefix(ref, "env:"), ":-")
	if !variableName(name) {
		d.fail(line, "%s: ${%s} is neither ${NAME} of an environment variable nor ${file:PATH}; write $${ for the characters themselves", what, ref)
		return "", false
	}
	if v, ok := d.lookup(name); ok && (v != "" || !hasDefault) {
		if v == "" {
			d.fail(line, "%s: the environment variable %s is empty; set it, or write ${%s:-text} for a default", what, name, name)
		}
		return v, false
	}
	if !hasDefault {
		d.fail(line, "%s: the environment variable %s is not set; export it, or write ${%s:-text} for a default", what, name, name)
	}
	return fallback, false
}

// secretFile is the content of a file without the line break at its end.
func (d *decoder) secretFile(line int, what, path string) string {
	f, err := os.Open(d.resolve(path))
	if err != nil {
		d.fail(line, "%s: %v", what, err)
		return ""
	}
	defer f.Close()
	buf := make([]byte, maxSecretFile+1)
	n := 0
	for n < len(buf) {
		m, err := f.Read(buf[n:])
		n += m
		if err != nil {
			break
		}
	}
	text := strings.TrimRight(string(buf[:n]), "\r\n")
	if n > maxSecretFile || text == "" || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") {
		d.fail(line, "%s: %s must hold one line of text", what, path)
		return ""
	}
	return text
}

// resolve makes a path of the configuration absolute or relative to here.
func (d *decoder) resolve(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		if home, ok := d.lookup("HOME"); ok {
			return filepath.Join(home, path[1:])
		}
	}
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(d.dir, path)
}

// variableName reports a name that an environment variable may have.
func variableName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c|32 < 'a' || c|32 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
