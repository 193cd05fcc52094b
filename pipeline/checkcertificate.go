package pipeline

import (
	"context"
	"time"

	"letterlock/pipeline/texts"
)

// checkCertificate finds out whether browsers open the portal with its own
// certificate, and for how long they will.
func (s *Server) checkCertificate(context.Context) (bad, good texts.Text, err error) {
	host := s.cfg.Origin.Hostname()
	if s.cfg.Certificate == nil {
		if s.cfg.Origin.Scheme != "https" {
			return nil, texts.Say("check-certificate.not-needed"), nil
		}
		return nil, texts.Say("check-certificate.in-front", "host", host), nil
	}
	own, err := s.cfg.Certificate()
	if err != nil {
		return texts.Say("check-certificate.cannot-be-used", "why", err), nil, nil
	}
	now, until := s.cfg.Now(), own.NotAfter
	switch {
	case own.VerifyHostname(host) != nil:
		bad = texts.Say("check-certificate.another-name", "host", host)
	case now.Before(own.NotBefore):
		bad = texts.Say("check-certificate.not-yet")
	case !now.Before(own.NotAfter):
		bad = texts.Say("check-certificate.ran-out", "until", until)
	case own.NotAfter.Sub(now) < endOf(own.NotAfter.Sub(own.NotBefore)):
		bad = texts.Say("check-certificate.runs-out", "until", until)
	}
	return bad, texts.Say("check-certificate.good", "host", host, "until", until), nil
}

// endOf is how near its end a certificate should long have been renewed: three
// weeks, or a quarter of a shorter life. An ACME client renews with a third left.
func endOf(life time.Duration) time.Duration { return min(21*24*time.Hour, life/4) }
