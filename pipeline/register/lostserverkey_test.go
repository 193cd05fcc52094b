package register

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// newServerKey is a public key with which a server signs what scanners read.
func newServerKey(t *testing.T) string {
	t.Helper()
	_, public, err := note.GenerateKey(rand.Reader, "letterlock-server")
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// toInvite are the sites whose scanners must be invited again.
func (d *desk) toInvite() []string {
	d.t.Helper()
	lost, there, err := d.LostServerKey(d.t.Context())
	d.must(err)
	if there != (len(lost.Sites) > 0 || lost.Unsigned) {
		d.t.Errorf("%+v is left to do: %t", lost, there)
	}
	return lost.Sites
}

// The server's key is lost: every scanner but the server's own is to be invited again, and
// is named until it has joined by an invitation of after the loss, or is revoked.
func TestWhomToInviteOnceTheServersKeyIsLost(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	for _, site := range []string{"office", "annexe", "branch", "cellar"} {
		d.must(d.AddEdge(ctx, site, "key of "+site))
	}
	d.must(d.NoteServerKey(ctx, newServerKey(t)))
	d.must(d.InviteEdge(ctx, EdgeInvitation{Key: "before", Site: "annexe", Expires: d.now.Add(time.Hour), Replaces: true}, 0))
	second := newServerKey(t)
	lost, err := d.LoseServerKey(ctx, second, "office")
	d.must(err)
	if !lost.Unsigned || !slices.Equal(lost.Sites, []string{"annexe", "branch", "cellar"}) || !slices.Equal(d.toInvite(), lost.Sites) {
		t.Errorf("left to do: %+v, and then %v", lost, d.toInvite())
	}
	if now, err := d.ServerKey(ctx); err != nil || now != second {
		t.Errorf("%s signs, %v", now, err)
	}
	d.must(d.Published(ctx, 7))
	if again, _, err := d.LostServerKey(ctx); err != nil || again.Unsigned || !again.Since.Equal(d.now) {
		t.Errorf("once a list is published under the new key: %+v, %v", again, err)
	}
	joins := func(invitation, site, want string) {
		t.Helper()
		if answer, err := d.JoinEdge(ctx, invitation, "key of "+site); err != nil || answer != want {
			t.Errorf("%s joins with the invitation %s: %s, %v", site, invitation, answer, err)
		}
	}
	joins("before", "annexe", letter.JoinedExpired) // it carries the lost key
	d.must(d.InviteEdge(ctx, EdgeInvitation{Key: "after", Site: "annexe", Expires: d.now.Add(time.Hour), Replaces: true}, 0))
	if left := d.toInvite(); !slices.Equal(left, []string{"annexe", "branch", "cellar"}) {
		t.Errorf("invited, and not there yet: %v", left)
	}
	joins("after", "annexe", letter.JoinedEnrolled) // with the key that it had
	d.must(d.RevokeEdge(ctx, "branch", 0))
	if left := d.toInvite(); !slices.Equal(left, []string{"cellar"}) {
		t.Errorf("one has joined and one is revoked, and left are %v", left)
	}
	d.must(d.Equipped(ctx, "cellar"))
	if left := d.toInvite(); len(left) != 0 {
		t.Errorf("all have it, and left are %v", left)
	}
	// Lost once more, all are named that are believed then.
	lost, err = d.LoseServerKey(ctx, newServerKey(t), "")
	d.must(err)
	if !slices.Equal(lost.Sites, []string{"annexe", "cellar", "office"}) || !slices.Equal(d.toInvite(), lost.Sites) {
		t.Errorf("lost again: %+v, and then %v", lost, d.toInvite())
	}
}

// Of two servers that begin at once the first one's key is noted.
func TestTheServersKeyIsNotedOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	first := newServerKey(t)
	d.must(d.NoteServerKey(ctx, first))
	d.must(d.NoteServerKey(ctx, newServerKey(t)))
	if now, err := d.ServerKey(ctx); err != nil || now != first {
		t.Errorf("noted is %s, %v", now, err)
	}
}

// The key of enrolment codes is made by one of several servers that begin at once,
// whatever their own clocks say; the others copy it, or, where that one has died, make
// another later.
func TestTheCodesKeyIsMadeByOneServer(t *testing.T) {
	for name, d := range map[string]*desk{"a file": newDesk(t), "a server": newDeskAt(t, postgrestest.Start(t).Database(t))} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			const within = 10 * time.Minute
			makes := func(server string) error {
				_, err := d.MakeCodeKey(ctx, server, within)
				return err
			}
			// pass has that time pass since the key was made.
			pass := func(by time.Duration) {
				text, err := d.Meta(ctx, metaCodeKey)
				d.must(err)
				var made codeKeyMade
				d.must(json.Unmarshal([]byte(text), &made))
				made.At = made.At.Add(-by)
				before, err := json.Marshal(made)
				d.must(err)
				d.must(d.SetMeta(ctx, metaCodeKey, string(before)))
			}
			d.must(makes("first"))
			if err := makes("second"); !errors.Is(err, ErrMoved) {
				t.Errorf("a second server in the same moment: %v", err)
			}
			if _, one, err := d.DatabaseClock(ctx); err != nil {
				t.Fatal(err)
			} else if one {
				d.now = d.now.Add(time.Hour)
				if err := makes("second"); !errors.Is(err, ErrMoved) {
					t.Errorf("a second server in the same moment, whose clock is an hour ahead: %v", err)
				}
			}
			d.must(makes("first")) // it had died before it had the file
			pass(within - time.Minute)
			if err := makes("second"); !errors.Is(err, ErrMoved) {
				t.Errorf("a second server, a little before: %v", err)
			}
			pass(time.Minute)
			d.must(makes("second"))
			if got := strings.Join(d.kinds(), " "); got != "folder-made codes-ended codes-ended codes-ended" {
				t.Errorf("on the register: %s", got)
			}
		})
	}
}
