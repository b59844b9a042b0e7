package emu

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// offset is a place in the shared object, as the core writes it into messages.
var offset = regexp.MustCompile(`@([0-9a-f]+)@`)

// places makes offsets in a message places in the sources.
func places(object, message string) string {
	return offset.ReplaceAllStringFunc(message, func(m string) string {
		return place(object, "0x"+strings.Trim(m, "@"))
	})
}

// place is the file and line of an offset in the object, with those that inlined it; the offset itself where addr2line
// does not know.
func place(object, at string) string {
	out, err := exec.Command("addr2line", "-i", "-e", object, at).Output()
	if err != nil {
		return fmt.Sprintf("offset %s of %s", at, object)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(filepath.Base(strings.TrimSpace(line)), " ")
		if !strings.HasPrefix(name, "emu.h") && (len(all) == 0 || all[len(all)-1] != name) {
			all = append(all, name)
		}
	}
	return strings.Join(all, " < ")
}
