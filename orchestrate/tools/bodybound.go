package tools

import (
	"net/http"
	"strings"

	"orchrt/orchestrate/netguard"
)

// boundAnswer bounds the body of an answer that is no stream of events. One whose
// announced length is too long is an error at once.
func boundAnswer(resp *http.Response, limit int64) error {
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return nil
	}
	if resp.ContentLength > limit {
		resp.Body.Close()
		return &netguard.TooLarge{Limit: limit}
	}
	resp.Body = netguard.Bound(resp.Body, limit)
	return nil
}
