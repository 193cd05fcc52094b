package register

import (
	"database/sql"
	"slices"
	"testing"
)

// What was recognised stays on record, whoever looks again and sees less, until
// a replay opens it in the transaction of its end; of it nothing is an entry.
func TestClosedUntilAReplayOpens(t *testing.T) {
	d := newDesk(t)
	entries, _, err := d.Checkpoint(t.Context())
	d.must(err)
	d.wantClosed()
	d.must(d.KeepClosed(t.Context(), nil))
	d.wantClosed()
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignEdge}))
	since, err := d.ClosedSince(t.Context())
	d.must(err)
	if !since.Equal(d.now) {
		t.Errorf("closed since %s", since)
	}
	d.now = d.now.AddDate(0, 0, 1)
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignKeyring, SignEdge}))
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignEdge}))
	d.wantClosed(SignKeyring, SignEdge)
	if again, err := d.ClosedSince(t.Context()); err != nil || !again.Equal(since) {
		t.Errorf("closed since %s, %v", again, err)
	}
	if now, _, err := d.Checkpoint(t.Context()); err != nil || now != entries {
		t.Errorf("%d entries, and there were %d, %v", now, entries, err)
	}
	d.must(d.inTx(t.Context(), func(tx *sql.Tx) error { return open(t.Context(), tx) }))
	d.wantClosed()
	if since, err := d.ClosedSince(t.Context()); err != nil || !since.IsZero() {
		t.Errorf("open, and closed since %s, %v", since, err)
	}
}

func (d *desk) wantClosed(want ...RestoreSign) {
	d.t.Helper()
	got, err := d.Closed(d.t.Context())
	d.must(err)
	if !slices.Equal(got, want) {
		d.t.Errorf("closed for %v, want %v", got, want)
	}
}
