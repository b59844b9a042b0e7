package openai

import (
	"container/list"
	"net/http"
	"sync"

	"orchrt/tokenizer/chat"
)

// CodeNoPrevious is the error's code where a previous response is not stored,
// CodeNoResponse where the one asked for is not.
const (
	CodeNoPrevious = "previous_response_not_found"
	CodeNoResponse = "response_not_found"
)

// ResponseStore keeps the last responses in memory, so that a request can go on
// from one of them. Each belongs to an owner, whom others cannot see. A store
// is safe for concurrent use; a nil one is always empty.
type ResponseStore struct {
	count int
	size  int64

	mu   sync.Mutex
	used int64
	byID map[string]*list.Element
	last *list.List // of *storedResponse, the last used in front
}

// storedResponse is a response with the conversation up to its end, but for
// instructions, which hold for one response only.
type storedResponse struct {
	id, owner string
	body      []byte // the Response as JSON
	messages  []chat.Message
	size      int64
}

// NewResponseStore returns a store of at most count responses of size bytes all
// together.
func NewResponseStore(count int, size int64) *ResponseStore {
	return &ResponseStore{count: count, size: size, byID: map[string]*list.Element{}, last: list.New()}
}

// put keeps a response; those used longest ago make room. It returns false where
// the response is larger than the store.
func (s *ResponseStore) put(owner, id string, body []byte, messages []chat.Message) bool {
	r := &storedResponse{id: id, owner: owner, body: body, messages: messages, size: storedSize(body, messages)}
	if s == nil || s.count < 1 || r.size > s.size {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used += r.size
	s.byID[id] = s.last.PushFront(r)
	for s.used > s.size || s.last.Len() > s.count {
		s.remove(s.last.Back())
	}
	return true
}

// storedSize is about what a response takes in memory.
func storedSize(body []byte, messages []chat.Message) int64 {
	n := int64(len(body)) + 512
	for i := range messages {
		m := &messages[i]
		n += 256 + int64(len(m.Content.Text)+len(m.Name)+len(m.ToolCallID))
		for _, p := range m.Content.Parts {
			n += 16 + int64(len(p))
		}
		if m.ReasoningContent != nil {
			n += 16 + int64(len(*m.ReasoningContent))
		}
		for _, c := range m.ToolCalls {
			n += 64 + int64(len(c.ID)+len(c.Name)+len(c.Arguments))
		}
	}
	return n
}

// remove takes an element out; the caller holds mu.
func (s *ResponseStore) remove(e *list.Element) {
	r := s.last.Remove(e).(*storedResponse)
	delete(s.byID, r.id)
	s.used -= r.size
}

// find returns a response of owner and counts it as used; the caller holds mu.
func (s *ResponseStore) find(owner, id string) (*list.Element, *storedResponse) {
	e := s.byID[id]
	if e == nil || e.Value.(*storedResponse).owner != owner {
		return nil, nil
	}
	s.last.MoveToFront(e)
	return e, e.Value.(*storedResponse)
}

// conversation is the conversation up to the end of a response. It must not be
// changed.
func (s *ResponseStore) conversation(owner, id string) ([]chat.Message, bool) {
	if s == nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.find(owner, id)
	if r == nil {
		return nil, false
	}
	return r.messages, true
}

// Get returns the JSON of a stored response.
func (s *ResponseStore) Get(owner, id string) ([]byte, *Error) {
	if s == nil {
		return nil, noResponse(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.find(owner, id)
	if r == nil {
		return nil, noResponse(id)
	}
	return r.body, nil
}

// Delete forgets a stored response.
func (s *ResponseStore) Delete(owner, id string) (*DeletedResponse, *Error) {
	if s == nil {
		return nil, noResponse(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, _ := s.find(owner, id)
	if e == nil {
		return nil, noResponse(id)
	}
	s.remove(e)
	return &DeletedResponse{ID: id, Object: "response", Deleted: true}, nil
}

func noResponse(id string) *Error {
	err := invalid("", CodeNoResponse, "the response %q is not stored here", clip(id))
	err.Status = http.StatusNotFound
	return err
}
