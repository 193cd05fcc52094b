package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
)

// desk is what the portal of that data folder invites scanners with.
func desk(t *testing.T, data string) portal.Scanners {
	t.Helper()
	dir, err := locate(data, "")
	must(t, err)
	in, err := open(t.Context(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(in.close)
	return in.scanners()
}

// What the portal hands out makes a machine a scanner, and another that takes its
// place, as what the console does.
func TestAScannerThatWasInvitedAtThePortalEnrols(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	a := &annexe{apart: &apart{t: t, s3: s3, data: newData(t), binary: buildScanner(t)}}
	configure(t, a.data, s3, "")
	command(t, a.data, "setup")
	server := a.serve()
	d := desk(t, a.data)
	invites := func(who portal.ScannerInvitation) {
		t.Helper()
		made, err := d.Invite(t.Context(), who)
		must(t, err)
		a.invitation, a.code = filepath.Join(t.TempDir(), made.Name), made.Code
		must(t, os.WriteFile(a.invitation, made.File, 0o600))
	}
	if at := d.Endpoint(); at != "" {
		t.Errorf("other machines reach this very one as %s", at)
	}
	for _, at := range []string{"", "storage", "http://storage.example.org", "ftp://storage.example.org", "https://"} {
		if _, err := d.Invite(t.Context(), portal.ScannerInvitation{Site: "annexe", Endpoint: at}); !errors.Is(err, portal.ErrEndpoint) {
			t.Errorf("%q as the storage's address: %v", at, err)
		}
	}
	if _, err := d.Invite(t.Context(), portal.ScannerInvitation{Site: "annexe", Endpoint: s3.Endpoint, Replaces: true}); !errors.Is(err, register.ErrEdgeUnknown) {
		t.Errorf("replacing nobody: %v", err)
	}
	invites(portal.ScannerInvitation{Site: "annexe", Endpoint: s3.Endpoint, By: 7})
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	if status, out := a.enrol(first, ""); status != exitDone {
		t.Fatalf("enrolling: %d\n%s", status, out)
	}
	if _, err := d.Invite(t.Context(), portal.ScannerInvitation{Site: "annexe", Endpoint: s3.Endpoint}); !errors.Is(err, register.ErrEdgeKnown) {
		t.Errorf("a second of that name: %v", err)
	}
	invites(portal.ScannerInvitation{Site: "annexe", Endpoint: s3.Endpoint, Replaces: true, By: 7})
	if status, out := a.enrol(second, ""); status != exitDone {
		t.Fatalf("replacing: %d\n%s", status, out)
	}
	server.stop()
	kinds := entries(t, a.data)
	for kind, n := range map[string]int{"edge-invited": 2, "edge-added": 1, "edge-replaced": 1} {
		if got := count(kinds, kind); got != n {
			t.Errorf("%d entries %s, want %d", got, kind, n)
		}
	}
}

func TestWithoutABucketNoScannerIsInvited(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	if desk(t, data) != nil {
		t.Error("a scanner could be invited that never meets this server")
	}
}
