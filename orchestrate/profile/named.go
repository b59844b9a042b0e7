package profile

import (
	"fmt"
	"strings"

	"orchrt/orchestrate"
)

// Names lists the profiles that Named knows, without guards.
func Names() []string {
	names := []string{Chat{}.Name()}
	for _, v := range variants() {
		names = append(names, v.name)
	}
	return append(names, Tau2{}.Name())
}

// Named returns the profile of a name: one of Names, or chat, toolorchestra and
// tau2 for the newest of their kind, where toolorchestra is the HLE
// evaluation's. ToolOrchestra profiles take guards: "toolorchestra+search-once".
func Named(name string) (orchestrate.Profile, error) {
	base, guards, _ := strings.Cut(name, "+")
	switch base {
	case "chat", Chat{}.Name():
		if guards == "" {
			return Chat{}, nil
		}
	case "tau2", Tau2{}.Name():
		if guards == "" {
			return Tau2{}, nil
		}
	case "toolorchestra":
		base = variants()[0].name
	}
	for _, v := range variants() {
		if v.name == base {
			p := ToolOrchestra{Variant: v.name}
			if guards == "" {
				return p, nil
			}
			for g := range strings.SplitSeq(guards, "+") {
				if err := p.Guards.set(g); err != nil {
					return nil, err
				}
			}
			return p, nil
		}
	}
	return nil, fmt.Errorf("profile: there is no profile %q; there are %s", name, strings.Join(Names(), ", "))
}
