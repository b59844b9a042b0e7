package server

import (
	"net/http"
	"strconv"

	"orchrt/orchestrate/openai"
)

// warningHeader tells, once for each, which schemas of a request are not
// enforced. The body of the answer says the same.
const warningHeader = "X-Orchrt-Warning"

// maxWarnings bounds the headers of an answer: proxies have limits of their own.
const maxWarnings = 8

func warn(w http.ResponseWriter, warnings []string) {
	for i, text := range warnings {
		if i == maxWarnings {
			text = strconv.Itoa(len(warnings)-maxWarnings) + " more, which the answer's body lists"
		}
		w.Header().Add(warningHeader, openai.HeaderText(text))
		if i == maxWarnings {
			return
		}
	}
}
