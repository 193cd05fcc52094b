package mail

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkpoint has the form of a register's.
const checkpoint = "letterlock register\n57\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/A=\n\n— letterlock-register AAAA+/A=\n"

func TestOutbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	var console bytes.Buffer
	o, err := NewOutbox(dir, "Letterlock <letters@letters.example.org>", &console, now)
	if err != nil {
		t.Fatal(err)
	}
	// A crash has left half a message, which the repeat replaces.
	if err := os.WriteFile(filepath.Join(dir, "."+letterWaits.MessageID+".eml"), []byte("From: ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Send(t.Context(), letterWaits); err != nil {
			t.Fatal(err)
		}
	}
	other := Message{About: AllIsWell, Checkpoint: checkpoint, To: "sam@leaders.example.org", MessageID: "another@letters.example.org",
		Link: letterWaits.Link + "/" + strings.Repeat("a-very-long-way/", 10), Urgent: 1, Requests: 2, Reviews: 1}
	request := Message{About: ARequest, To: other.To, MessageID: "a-third@letters.example.org", Link: letterWaits.Link}
	invitation := Message{About: AnInvitation, To: other.To, MessageID: "a-fourth@letters.example.org", Link: letterWaits.Link}
	reminder := Message{About: Unopened, To: other.To, MessageID: "a-fifth@letters.example.org", Link: letterWaits.Link}
	called := Message{About: ACall, To: other.To, MessageID: "a-sixth@letters.example.org", Link: letterWaits.Link}
	for _, m := range []Message{other, request, invitation, reminder, called} {
		if err := o.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 6 {
		t.Fatalf("six messages, one of them twice, made %v", files)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
	name := filepath.Join(dir, letterWaits.MessageID+".eml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	checkMessage(t, string(text), letterWaits)
	if !bytes.Contains(text, []byte("\n"+letterWaits.Link)) {
		t.Error("the link is not on a line of its own")
	}

	for _, m := range []Message{other, request, invitation, reminder, called} {
		if text, err = os.ReadFile(filepath.Join(dir, m.MessageID+".eml")); err != nil {
			t.Fatal(err)
		}
		checkMessage(t, string(text), m)
	}

	lines := strings.Split(strings.TrimSpace(console.String()), "\n")
	if len(lines) != 7 || !strings.Contains(lines[0], name) {
		t.Errorf("the console says:\n%s", console.String())
	}
	if strings.Contains(console.String(), canary) || strings.Contains(console.String(), "/l/") {
		t.Errorf("the console says who or which letter:\n%s", console.String())
	}
}

func TestOutboxThatCannotWrite(t *testing.T) {
	dir := t.TempDir()
	o, err := NewOutbox(filepath.Join(dir, "outbox"), "letters@letters.example.org", &bytes.Buffer{}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Ping(t.Context()); err != nil {
		t.Errorf("a sound outbox: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "outbox")); len(left) != 0 {
		t.Errorf("looking at the outbox left %v", left)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Send(over, letterWaits); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "outbox")); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{o.Send(t.Context(), letterWaits), o.Ping(t.Context())} {
		if err == nil || errors.Is(err, ErrPermanent) {
			t.Errorf("without its folder: %v", err)
		}
		noCanary(t, err)
	}
	if _, err := NewOutbox(filepath.Join(dir, "missing\x00"), "letters@example.org", &bytes.Buffer{}, now); err == nil {
		t.Error("an impossible folder was taken")
	}
}
