package tools

import (
	"os"
	"slices"
	"strings"
)

// inherited are the variables that a process gets of ours without being named:
// none holds a key.
func inherited() []string {
	return []string{"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SystemRoot"}
}

// environ is the environment of a process: what everyone gets, what the
// configuration names, what it sets.
func environ(names []string, set map[string]Secret) []string {
	var out []string
	for _, name := range append(inherited(), names...) {
		if v, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+v)
		}
	}
	for name, v := range set {
		out = append(out, name+"="+string(v))
	}
	slices.SortStableFunc(out, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return out
}

func key(s string) string { k, _, _ := strings.Cut(s, "="); return k }

// private gathers the values of variables whose name says that they are secret.
func private(env map[string]Secret) (out []string) {
	for name, v := range env {
		if secretName(name) {
			out = append(out, string(v))
		}
	}
	return out
}

// secretName reports a variable or a header that holds a secret by its name.
func secretName(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc([]string{"KEY", "TOKEN", "SECRET", "PASS", "AUTH", "CREDENTIAL", "COOKIE"},
		func(s string) bool { return strings.Contains(name, s) })
}
