package register

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// A connection that the database's server ends in the middle of an answer is told
// from one that the storage ends, and from a wait that was ended here.
func TestALostConnectionIsTheDatabases(t *testing.T) {
	ours, theirs := net.Pipe()
	read := func() error {
		_, err := wire{ours}.Read(make([]byte, 1))
		return fmt.Errorf("recording: %w", err)
	}
	if err := ours.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := read(); IsAway(err) {
		t.Errorf("a wait that was ended here: %v", err)
	}
	if err := ours.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := read(); !IsAway(err) || !SaysAway(err.Error()) {
		t.Errorf("the server has ended it: %v", err)
	}
	if err := fmt.Errorf("storing: %w", io.ErrUnexpectedEOF); IsAway(err) {
		t.Errorf("the storage has ended one: %v", err)
	}
}

// A server whose name cannot be looked up does not answer either.
func TestANameThatCannotBeLookedUpIsTheDatabases(t *testing.T) {
	_, err := Open(t.Context(), Config{URL: "postgres://letterlock@database.invalid/letterlock?connect_timeout=5"})
	if !IsAway(err) || !SaysAway(err.Error()) || Refuses(err) {
		t.Errorf("got %v", err)
	}
}
