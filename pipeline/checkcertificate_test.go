package pipeline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
)

func TestTheCheckSaysWhenTheCertificateEnds(t *testing.T) {
	o := newOffice(t)
	const day = 24 * time.Hour
	valid := func(name string, from, until time.Duration) func() (*x509.Certificate, error) {
		return func() (*x509.Certificate, error) {
			return &x509.Certificate{DNSNames: []string{name}, NotBefore: o.now.Add(from), NotAfter: o.now.Add(until)}, nil
		}
	}
	for name, c := range map[string]struct {
		origin      string
		certificate func() (*x509.Certificate, error)
		says        string // what is wrong; nothing where all is well
	}{
		"this machine alone":      {"http://localhost:8080", nil, ""},
		"a web server in front":   {"https://letters.example.org", nil, ""},
		"good":                    {"https://letters.example.org", valid("letters.example.org", -30*day, 60*day), ""},
		"good, with a port":       {"https://letters.example.org:8443", valid("letters.example.org", -30*day, 60*day), ""},
		"good, and short":         {"https://letters.example.org", valid("letters.example.org", -2*day, 4*day), ""},
		"near its end":            {"https://letters.example.org", valid("letters.example.org", -70*day, 20*day), "was not renewed yet"},
		"short, and near its end": {"https://letters.example.org", valid("letters.example.org", -5*day, day), "was not renewed yet"},
		"over":                    {"https://letters.example.org", valid("letters.example.org", -90*day, 0), "ran out"},
		"not yet":                 {"https://letters.example.org", valid("letters.example.org", time.Minute, 90*day), "not valid yet"},
		"another name's":          {"https://letters.example.org", valid("example.org", -30*day, 60*day), "not for letters.example.org"},
		"bad": {"https://letters.example.org", func() (*x509.Certificate, error) { return nil, errors.New("no such file") },
			"cannot be used: no such file"},
	} {
		var err error
		o.cfg.Origin, err = url.Parse(c.origin)
		o.must(err)
		o.cfg.Certificate = c.certificate
		bad, good, err := o.checkCertificate(t.Context())
		if err != nil || good == nil && bad == nil || (bad != nil) != (c.says != "") || !strings.Contains(texts.English().Text(bad), c.says) {
			t.Errorf("%s: %q, %q, %v", name, bad, good, err)
		}
	}
}

// The storage's certificate is somebody else's to renew, and without it no letter opens.
func TestTheCheckSaysWhenTheStoragesCertificateEnds(t *testing.T) {
	o := newOffice(t)
	const day = 24 * time.Hour
	shows := func(from, until time.Duration, not error) func(context.Context) (*x509.Certificate, error) {
		return func(context.Context) (*x509.Certificate, error) {
			return &x509.Certificate{NotBefore: o.now.Add(from), NotAfter: o.now.Add(until)}, not
		}
	}
	unknown := fmt.Errorf("asking: %w: %w", deposit.ErrRefused, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})
	for name, c := range map[string]struct {
		shown func(context.Context) (*x509.Certificate, error)
		bad   bool
		says  string
	}{
		"a folder":     {nil, false, "needs no certificate"},
		"without TLS":  {func(context.Context) (*x509.Certificate, error) { return nil, nil }, false, "without TLS"},
		"good":         {shows(-30*day, 60*day, nil), false, "for 60 days"},
		"near its end": {shows(-70*day, 20*day+time.Hour, nil), true, "in 20 days, and was not renewed yet"},
		"short":        {shows(-5*day, day, nil), true, "in 1 day, and was not renewed yet"},
		"over":         {shows(-90*day, 0, unknown), true, "ran out on"},
		"not yet":      {shows(time.Hour, 90*day, unknown), true, "this machine’s clock is wrong"},
		"not believed": {shows(-30*day, 60*day, unknown), true, "does not believe the storage’s certificate: x509: certificate signed by unknown authority."},
		"away":         {func(context.Context) (*x509.Certificate, error) { return nil, deposit.ErrUnavailable }, true, "it needs the storage"},
	} {
		o.cfg.StorageCertificate = c.shown
		for _, l := range o.Check(t.Context()) {
			if l.Name == "storage-tls" && (l.OK == c.bad || !strings.Contains(l.Says, c.says)) {
				t.Errorf("%s: %v %q", name, l.OK, l.Says)
			}
		}
	}
}
