package pipeline

import (
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/texts"
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
