package archive_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
)

// Credentials are changed, revoked and given back under a store that stays open: both
// count meanwhile, what is refused is refused, and it goes on by itself.
func TestCredentialsAreRenewed(t *testing.T) {
	t.Parallel()
	c := deposittest.Start(t).Config()
	prepare(t, c)
	makes := func(user, secret string) {
		t.Helper()
		if err := archive.MakeEdgeUser(t.Context(), c, "office", user, secret); err != nil {
			t.Fatal(err)
		}
	}
	ends := func(user string) {
		t.Helper()
		if err := archive.RemoveEdgeUser(t.Context(), c, user); err != nil {
			t.Fatal(err)
		}
	}
	makes("office-1", "the first secret")
	var now atomic.Pointer[deposit.Credentials]
	edge := c
	edge.AccessKey, edge.SecretKey = "office-1", "the first secret"
	edge.Renew = func() (deposit.Credentials, error) {
		if k := now.Load(); k != nil {
			return *k, nil
		}
		return deposit.Credentials{}, errors.New("the file is away")
	}
	store := unprepared(t, edge)
	want := func(what string, kind error) {
		t.Helper()
		if err := tryPut(t, store, letterKey()); !errors.Is(err, kind) {
			t.Errorf("%s: got %v, want %v", what, err, kind)
		}
	}
	want("with the first", nil)
	makes("office-2", "the second secret")
	want("with the first, beside the second", nil)
	now.Store(&deposit.Credentials{AccessKey: "office-2", SecretKey: "the sec"}) // half written
	want("with half of the second", deposit.ErrRefused)
	now.Store(&deposit.Credentials{AccessKey: "office-2", SecretKey: "the second secret"})
	want("with the second", nil)
	ends("office-1")
	ends("office-1") // again, after a crash
	want("without the first", nil)
	ends("office-2")
	want("revoked", deposit.ErrRefused)
	makes("office-2", "the second secret")
	want("given back", nil)
	brief := temporary(t, c, edgePolicy(t, c))
	now.Store(&brief)
	want("with some that end by themselves", nil)
	now.Store(&deposit.Credentials{AccessKey: brief.AccessKey, SecretKey: brief.SecretKey})
	want("without their token", deposit.ErrRefused)
	now.Store(&deposit.Credentials{AccessKey: "office-2", SecretKey: "the second secret"})
	want("with lasting ones again", nil)
	now.Store(nil)
	want("with a file that cannot be read", nil)
}
