package server

import (
	"context"
	"net/http"
	"time"

	"orchrt/orchestrate/openai"
)

// stream answers with server-sent events. The header goes out with the first
// event, so that an error before it still has a status of its own, or with the
// first comment that a long silence calls for. It returns the error that ended
// the job, if any.
func (s *Server) stream(ctx context.Context, w *recorder, a openai.Answer, events <-chan openai.Event) *openai.Error {
	out := &sse{w: w, rc: http.NewResponseController(w), idle: s.opt.WriteIdle}
	quiet := time.NewTicker(s.opt.KeepAlive)
	defer quiet.Stop()
	left := len(a.Job().Choices)
	for {
		select {
		case e, ok := <-events:
			switch {
			case !ok && left > 0, e.Kind == openai.Failed && s.stop.Err() != nil:
				return s.cutOff(ctx, out, a)
			case !ok:
				out.frames(a.End())
				return out.err
			case e.Kind == openai.Failed:
				return s.failStream(out, a, e.Err)
			case e.Kind == openai.Finished:
				left--
			}
			out.frames(a.Frames(e))
			quiet.Reset(s.opt.KeepAlive)
		case <-quiet.C:
			if ping, ok := a.Ping(); ok {
				out.frame(ping)
			} else {
				out.text(": keep-alive\n\n")
			}
		}
		if out.err != nil {
			return out.err
		}
	}
}

// cutOff ends a stream whose job was ended: the client has left, or the server's
// drain has come to its deadline.
func (s *Server) cutOff(ctx context.Context, out *sse, a openai.Answer) *openai.Error {
	if s.stop.Err() != nil {
		return s.failStream(out, a, unavailable("the server was shut down before the answer was complete"))
	}
	return clientGone(context.Cause(ctx))
}

// failStream ends a stream with an error: a plain response while nothing has
// been sent, the API's own events after that.
func (s *Server) failStream(out *sse, a openai.Answer, err *openai.Error) *openai.Error {
	if !out.open {
		s.writeError(out.w, err)
		return err
	}
	out.frames(a.Fail(err))
	return err
}

// sse writes server-sent events. The first failure sticks.
type sse struct {
	w    *recorder
	rc   *http.ResponseController
	idle time.Duration // for one write
	open bool          // the header is out
	err  *openai.Error
}

// frames sends events in order.
func (o *sse) frames(list []openai.Frame) {
	for _, f := range list {
		o.frame(f)
	}
}

// frame sends one event.
func (o *sse) frame(f openai.Frame) {
	name, data := "", f.Text
	if f.Name != "" {
		name = "event: " + f.Name + "\n"
	}
	if data == "" {
		body, err := openai.Marshal(f.Data)
		if err != nil {
			o.err = &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: openai.CodeInternal, Message: "internal error", Cause: err}
			return
		}
		data = string(body)
	}
	o.text(name + "data: " + data + "\n\n")
}

// text sends one event or comment as it is.
func (o *sse) text(s string) {
	if o.err != nil {
		return
	}
	if !o.open {
		o.open = true
		h := o.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // a proxy in front is not to collect events
		o.w.WriteHeader(http.StatusOK)
	}
	o.rc.SetWriteDeadline(time.Now().Add(o.idle))
	_, err := o.w.Write([]byte(s))
	if err == nil {
		err = o.rc.Flush()
	}
	if err != nil {
		o.err = clientGone(err)
	}
}

// clientGone is the error of a request whose client does not listen any more;
// only the log sees it, under nginx's status for it.
func clientGone(cause error) *openai.Error {
	return &openai.Error{Status: 499, Type: openai.TypeInvalidRequest, Code: openai.CodeClientGone, Message: "the client has left", Cause: cause}
}
