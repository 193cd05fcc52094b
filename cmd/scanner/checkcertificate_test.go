package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/deposit"
)

// Whoever looks after a scanner reads before the day on which scans begin to wait that
// the storage's certificate ends.
func TestCheckSaysWhenTheStoragesCertificateEnds(t *testing.T) {
	now := time.Date(2027, 5, 26, 9, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	unknown := fmt.Errorf("asking: %w: %w", deposit.ErrRefused, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	for name, c := range map[string]struct {
		from, until time.Duration
		not         error
		ok          bool
		says        string
	}{
		"good":         {-30 * day, 60 * day, nil, true, "is good until 25 July 2027, for 60 days."},
		"near its end": {-70 * day, 20*day + time.Hour, nil, false, "runs out on 15 June 2027, in 20 days, and was not renewed yet."},
		"short":        {-5 * day, day, nil, false, "in 1 day, and was not renewed yet"},
		"over":         {-90 * day, 0, unknown, false, "ran out on 26 May 2027. Scans wait"},
		"not yet":      {time.Hour, 90 * day, unknown, false, "this machine's clock is wrong"},
		"not believed": {-30 * day, 60 * day, unknown, false, "does not believe the storage's certificate: x509: certificate signed by unknown authority."},
	} {
		got := judgeCertificate(&x509.Certificate{NotBefore: now.Add(c.from), NotAfter: now.Add(c.until)}, c.not, now)
		if got.OK != c.ok || !strings.Contains(got.Says, c.says) {
			t.Errorf("%s: %v", name, got)
		}
	}
	stranger := httptest.NewUnstartedServer(http.NotFoundHandler())
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	dir := t.TempDir()
	o := &office{dir: filepath.Join(dir, "office"), scans: filepath.Join(dir, "scans"), endpoint: stranger.URL, bucket: "letters", access: "edge", secret: "secret"}
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	o.look(t, "store", "LOOK The store is asked nothing, since its certificate is not believed")
	o.look(t, "certificate", "LOOK This machine does not believe the storage's certificate: x509:")
}
