//go:build verify

package tools

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmServer is the program of one of npm's official MCP servers.
func npmServer(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("ORCHRT_VERIFY_MCP")
	if dir == "" {
		dir = filepath.Join("..", "..", ".verify", "mcp")
	}
	file, err := filepath.Abs(filepath.Join(dir, "node_modules", "@modelcontextprotocol", name, "dist", "index.js"))
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		t.Fatalf("%v: testdata/verify/setup.sh installs it", err)
	}
	return file
}

// TestVerifyMCPServers calls npm's official servers over both transports, by a
// configuration of ours and by an mcpServers file.
func TestVerifyMCPServers(t *testing.T) {
	everything := npmServer(t, "server-everything")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command("node", everything, "streamableHttp")
	cmd.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for n := 0; ; n++ {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			break
		}
		if n == 300 {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	for name, config := range map[string]string{
		"stdio":      fmt.Sprintf("tools:\n- {name: s, type: mcp, command: [node, %q, stdio], start_timeout: 60s}\n", everything),
		"http":       fmt.Sprintf("tools:\n- {name: s, type: mcp, url: \"http://127.0.0.1:%d/mcp\", start_timeout: 60s}\n", port),
		"mcpServers": fmt.Sprintf(`{"mcpServers":{"s":{"command":"node","args":[%q,"stdio"]}}}`, everything),
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config)
			if r, err := call1(t, s, "s_echo", `{"message":"hällo"}`); err != nil || r.Text != "Echo: hällo" {
				t.Errorf("echo: %q, %v", r.Text, err)
			}
			if r, err := call1(t, s, "s_get-sum", `{"a":2,"b":40}`); err != nil || !strings.Contains(r.Text, "42") {
				t.Errorf("sum: %q, %v", r.Text, err)
			}
			if r, err := call1(t, s, "s_get-tiny-image", `{}`); err != nil || !strings.Contains(r.Text, "[image, image/png, ") {
				t.Errorf("image: %q, %v", r.Text, err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			start := time.Now()
			if _, err := tool(t, s, "s_trigger-long-running-operation").Call(ctx, []byte(`{"duration":60,"steps":5}`)); err == nil || time.Since(start) > 5*time.Second {
				t.Errorf("a call of 60 s was cancelled after 0.3 s and returned after %v: %v", time.Since(start), err)
			}
			if r, err := call1(t, s, "s_echo", `{"message":"still there"}`); err != nil || r.Text != "Echo: still there" {
				t.Errorf("echo after it: %q, %v", r.Text, err)
			}
		})
	}
}

// TestVerifyMCPFiles reads a file through npm's official server of files, and
// nothing outside its folder.
func TestVerifyMCPFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "note.txt"), []byte("found"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, fmt.Sprintf("tools:\n- {name: fs, type: mcp, command: [node, %q, %q], start_timeout: 60s}\n", npmServer(t, "server-filesystem"), dir))
	if r, err := call1(t, s, "fs_read_text_file", fmt.Sprintf(`{"path":%q}`, filepath.Join(dir, "note.txt"))); err != nil || r.Text != "found" {
		t.Errorf("read: %q, %v", r.Text, err)
	}
	if r, err := call1(t, s, "fs_read_text_file", `{"path":"/etc/passwd"}`); err == nil && !r.IsError {
		t.Errorf("a file outside: %q", r.Text)
	}
}
