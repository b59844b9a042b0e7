package tools

import (
	"io"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// process is a running MCP server.
type process struct {
	io.Reader // its standard output
	stdin     io.WriteCloser
	stderr    *capture
	cmd       *exec.Cmd
	once      sync.Once
	gone      chan struct{} // closed when it has ended
}

// endWait is how long a server may take to end once its input is closed.
const endWait = 500 * time.Millisecond

// spawn starts the program.
func (v *server) spawn() (*process, error) {
	name, err := program(v.Command[0], v.tool.dir)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(name, v.Command[1:]...)
	cmd.Dir, cmd.Env = v.Dir, environ(append([]string{"HOME", "USER"}, v.Inherit...), v.Env)
	group(cmd)
	p := &process{cmd: cmd, stderr: &capture{limit: 8 << 10}, gone: make(chan struct{})}
	cmd.Stderr = p.stderr
	cmd.WaitDelay = time.Second
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, in := io.Pipe() // not StdoutPipe, whose reader Wait would close too early
	cmd.Stdout, p.Reader = in, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is of no use to anyone; that it did is what the reader sees
		killGroup(cmd)
		in.Close()
		close(p.gone)
	}()
	return p, nil
}

// Close ends the server: its input closes, and what is still there after a
// moment is killed with all that it started.
func (p *process) Close() error {
	p.end()
	return nil
}

func (p *process) end() {
	p.once.Do(func() {
		p.stdin.Close()
		go func() { // what it still writes must not keep it from ending
			_, _ = io.Copy(io.Discard, p.Reader)
		}()
		select {
		case <-p.gone:
		case <-time.After(endWait):
			killGroup(p.cmd)
			<-p.gone
		}
	})
}

// transport speaks streamable HTTP.
func (v *server) transport() mcp.Transport {
	g := v.set.guard(v.allow)
	g.MaxBody = -1 // a stream of events has no end; MaxEventSize bounds each
	client := g.Client()
	client.Transport = &headers{next: client.Transport, set: v.Headers, limit: int64(v.MaxMessage)}
	return &mcp.StreamableClientTransport{Endpoint: v.URL, HTTPClient: client, MaxEventSize: int(v.MaxMessage), MaxRetries: 2}
}

// headers adds the configuration's headers to requests, and bounds answers that
// are no streams of events.
type headers struct {
	next  http.RoundTripper
	set   map[string]Secret
	limit int64
}

// RoundTrip implements http.RoundTripper. Only the endpoint's own host gets the
// headers: a redirect's request has Response set.
func (h *headers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Response == nil {
		r = r.Clone(r.Context())
		for k, v := range h.set {
			r.Header.Set(k, string(v))
		}
	}
	resp, err := h.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return resp, boundAnswer(resp, h.limit)
}
