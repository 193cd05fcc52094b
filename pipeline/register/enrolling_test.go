package register

import (
	"errors"
	"slices"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// A scanner's credentials were reserved, and the command that made them was cut off before
// it could note them: somebody who has put them in their place says so, and they stay. Those
// of a scanner that another has replaced do not come back that way.
func TestReservedCredentialsStayOnceTheScannerHasThem(t *testing.T) {
	for name, d := range map[string]*desk{"a file": newDesk(t), "a server": newDeskAt(t, postgrestest.Start(t).Database(t))} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			left := func(site string, want ...string) {
				t.Helper()
				if got, err := d.StorageUsersToEnd(ctx, site); err != nil || !slices.Equal(got, want) {
					t.Errorf("of %q to be ended are %v, %v; want %v", site, got, err, want)
				}
			}
			joins := func(key, user string) {
				t.Helper()
				d.must(d.InviteEdge(ctx, EdgeInvitation{Key: "invitation of " + key, Site: "annexe", Expires: d.now.Add(time.Hour), Replaces: key != "first", StorageUser: user}, 0))
				if answer, err := d.JoinEdge(ctx, "invitation of "+key, key); err != nil || answer != letter.JoinedEnrolled {
					t.Fatalf("%s: %s, %v", key, answer, err)
				}
			}
			joins("first", "user-1")
			d.now = d.now.Add(time.Hour)
			d.must(d.ReserveStorageUser(ctx, "user-2", "annexe", d.now.Add(time.Hour)))
			d.now = d.now.Add(time.Minute)
			if err := d.KeepStorageUser(ctx, "user-2", "office"); !errors.Is(err, ErrNotFound) {
				t.Errorf("kept for another site: %v", err)
			}
			d.must(d.KeepStorageUser(ctx, "user-2", "annexe"))
			left("annexe", "user-1")
			d.now = d.now.Add(2 * time.Hour)
			left("annexe", "user-1")
			left("office")
			left("", "user-1")

			joins("second", "user-3")
			if err := d.KeepStorageUser(ctx, "user-2", "annexe"); !errors.Is(err, ErrNotFound) {
				t.Errorf("those of the scanner that was replaced are kept: %v", err)
			}
			left("annexe", "user-1", "user-2")

			// Enrolled again under the key that it has, it has other credentials all the same.
			d.now = d.now.Add(time.Minute)
			d.must(d.ReserveStorageUser(ctx, "user-4", "annexe", d.now.Add(time.Hour)))
			d.now = d.now.Add(time.Minute)
			d.must(d.InviteEdge(ctx, EdgeInvitation{Key: "another", Site: "annexe", Expires: d.now.Add(time.Hour), Replaces: true, StorageUser: "user-5"}, 0))
			if answer, err := d.JoinEdge(ctx, "another", "second"); err != nil || answer != letter.JoinedEnrolled {
				t.Fatalf("again: %s, %v", answer, err)
			}
			left("annexe", "user-1", "user-2", "user-3", "user-4")
			for _, user := range []string{"user-3", "user-4"} {
				if err := d.KeepStorageUser(ctx, user, "annexe"); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s, of before it was enrolled again, is kept: %v", user, err)
				}
			}
			d.now = d.now.Add(time.Minute)
			d.must(d.ReserveStorageUser(ctx, "user-6", "annexe", d.now.Add(time.Hour)))
			d.must(d.RevokeEdge(ctx, "annexe", 0)) // it may have been stolen with what was just made for it
			left("annexe", "user-1", "user-2", "user-3", "user-4", "user-5", "user-6")
		})
	}
}
