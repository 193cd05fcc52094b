package pipeline

import (
	"context"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// checkCertificate finds out whether browsers open the portal with its own
// certificate, and for how long they will.
func (s *Server) checkCertificate(context.Context) (bad, good string, err error) {
	host := s.cfg.Origin.Hostname()
	if s.cfg.Certificate == nil {
		if s.cfg.Origin.Scheme != "https" {
			return "", "The portal is for browsers on this machine alone, and needs no certificate.", nil
		}
		return "", "The web server in front of Letterlock answers for the certificate of " + host + ".", nil
	}
	own, err := s.cfg.Certificate()
	if err != nil {
		return fmt.Sprintf("The portal's certificate cannot be used: %s. Put a good one there; it is taken up without a restart.", err), "", nil
	}
	now, until := s.cfg.Now(), own.NotAfter.In(letter.London).Format("2 January 2006 15:04")
	switch {
	case own.VerifyHostname(host) != nil:
		bad = "The portal's certificate is not for " + host + ", so that browsers refuse the portal. Have one made for that name."
	case now.Before(own.NotBefore):
		bad = "The portal's certificate is not valid yet, so that browsers refuse the portal: either it or this machine's clock is wrong."
	case !now.Before(own.NotAfter):
		bad = "The portal's certificate ran out on " + until + ", so that browsers refuse the portal. See why it was not renewed; a new one is taken up without a restart."
	case own.NotAfter.Sub(now) < endOf(own.NotAfter.Sub(own.NotBefore)):
		bad = "The portal's certificate runs out on " + until + " and was not renewed yet. See why; a new one is taken up without a restart."
	}
	return bad, "The portal's certificate is for " + host + ", until " + until + ".", nil
}

// endOf is how near its end a certificate should long have been renewed: three
// weeks, or a quarter of a shorter life. An ACME client renews with a third left.
func endOf(life time.Duration) time.Duration { return min(21*24*time.Hour, life/4) }
