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

// What lies in a file is not always what browsers are shown: a new one was not taken up, or
// a web server in front shows an older one. From where nobody gets to the portal nothing is
// known of that, and it is no alarm.
func TestTheCheckSaysWhichCertificateBrowsersAreShown(t *testing.T) {
	o := newOffice(t)
	o.cfg.Origin = &url.URL{Scheme: "https", Host: "letters.example.org"}
	const day = 24 * time.Hour
	is := func(name string, until time.Duration) *x509.Certificate {
		return &x509.Certificate{Raw: []byte(fmt.Sprint(name, until)), DNSNames: []string{name}, NotBefore: o.now.Add(-60 * day), NotAfter: o.now.Add(until)}
	}
	for name, c := range map[string]struct {
		own, shown *x509.Certificate // nil: a web server in front, and not seen
		bad        bool
		says       string
	}{
		"in front, good":               {nil, is("letters.example.org", 60*day), false, "answers for the certificate of letters.example.org. The one that browsers are shown is good until"},
		"in front, near its end":       {nil, is("letters.example.org", 10*day), true, "runs out on"},
		"in front, over":               {nil, is("letters.example.org", 0), true, "so that they refuse the portal. See why it was not renewed"},
		"in front, out of sight":       {nil, nil, false, "cannot be looked at from this machine"},
		"the router's own":             {nil, is("router.example.net", -day), false, "whose certificate is for another name"},
		"taken up":                     {is("letters.example.org", 60*day), is("letters.example.org", 60*day), false, "The portal’s certificate is for letters.example.org"},
		"renewed, and not taken up":    {is("letters.example.org", 60*day), is("letters.example.org", 10*day), true, "have the web server that shows it take up the new one"},
		"another, which is good too":   {is("letters.example.org", 60*day), is("letters.example.org", 50*day), false, "The one that browsers are shown is good until"},
		"the file is bad by itself":    {is("letters.example.org", day), is("letters.example.org", 60*day), true, "was not renewed yet"},
		"of its own, and out of sight": {is("letters.example.org", 60*day), nil, false, "cannot be looked at from this machine"},
	} {
		o.cfg.Certificate = nil
		if c.own != nil {
			o.cfg.Certificate = func() (*x509.Certificate, error) { return c.own, nil }
		}
		o.cfg.ShownCertificate = func(context.Context) (*x509.Certificate, error) {
			if c.shown == nil {
				return nil, errors.New("no route to host")
			}
			return c.shown, nil
		}
		bad, good, err := o.checkCertificate(t.Context())
		said := bad
		if bad == nil {
			said = good
		}
		if err != nil || (bad != nil) != c.bad || !strings.Contains(texts.English().Text(said), c.says) {
			t.Errorf("%s: bad is %v; %q, %v", name, bad != nil, texts.English().Text(said), err)
		}
		if n, err := o.certificatesEnd(t.Context()); err != nil || n > 0 != c.bad {
			t.Errorf("%s: alarm is %d, %v", name, n, err)
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
