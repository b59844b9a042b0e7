package sandbox

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestCapture writes random pieces and compares with keeping everything.
func TestCapture(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		c := capture{limit: r.Int64N(40)}
		var all []byte
		for range r.IntN(12) {
			piece := make([]byte, r.IntN(30))
			for i := range piece {
				piece[i] = 'a' + byte(r.IntN(26))
			}
			all = append(all, piece...)
			if n, err := c.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		got := c.bytes()
		if int64(len(all)) <= c.limit {
			if !bytes.Equal(got, all) || c.cut() != 0 {
				t.Fatalf("limit %d: %q, want %q", c.limit, got, all)
			}
			continue
		}
		head, tail := (c.limit+1)/2, c.limit/2
		if !bytes.HasPrefix(got, all[:head]) || !bytes.HasSuffix(got, all[int64(len(all))-tail:]) || c.cut() != int64(len(all))-c.limit {
			t.Fatalf("limit %d: %q of %q", c.limit, got, all)
		}
	}
}

func TestPolicyErrors(t *testing.T) {
	for name, c := range map[string]struct {
		p    Policy
		argv []string
		want string
	}{
		"no argv":     {Policy{}, nil, "argv is empty"},
		"NUL":         {Policy{}, []string{"a\x00b"}, "NUL"},
		"memory":      {Policy{Memory: 1}, []string{"true"}, "memory"},
		"CPU":         {Policy{CPU: time.Millisecond}, []string{"true"}, "CPU"},
		"mode":        {Policy{Mode: 9}, []string{"true"}, "mode"},
		"environment": {Policy{Env: []string{"=x"}}, []string{"true"}, "NAME=value"},
		"relative":    {Policy{ReadOnly: []string{"x"}}, []string{"true"}, "absolute"},
		"everything":  {Policy{ReadOnly: []string{"/usr/.."}}, []string{"true"}, "every file"},
		"not there":   {Policy{ReadOnly: []string{"/nowhere/at/all"}}, []string{"true"}, "no such file"},
		"folder":      {Policy{Dir: "/nowhere/at/all"}, []string{"true"}, "folder"},
		"root":        {Policy{Dir: "/"}, []string{"true"}, "must not be /"},
		"negative":    {Policy{Wall: -1}, []string{"true"}, "negative"},
	} {
		if _, err := Run(t.Context(), c.p, c.argv, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMode(t *testing.T) {
	for _, m := range []Mode{Required, Auto, Off} {
		var got Mode = -1
		text, _ := m.MarshalText()
		if err := got.UnmarshalText(text); err != nil || got != m {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	var m Mode
	if m.UnmarshalText([]byte("on")) == nil {
		t.Error("an unknown mode was read")
	}
}

func TestOff(t *testing.T) {
	out := try(t, Policy{Mode: Off, Wall: 300 * time.Millisecond}, "given", "sh", "-c", "cat; pwd >&2; sleep 20")
	if out.Killed != KilledWall || string(out.Stdout) != "given" || !strings.Contains(string(out.Stderr), "orchrt-sandbox-") {
		t.Errorf("%+v", out)
	}
	if out = try(t, Policy{Mode: Off, Output: 1000}, "", "sh", "-c", "head -c 10000000000 /dev/zero"); out.Killed != KilledOutput {
		t.Errorf("killed %q", out.Killed)
	}
}
