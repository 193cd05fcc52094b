package pipeline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
)

// checkCertificate finds out whether browsers open the portal with its own
// certificate, or that of the web server in front, and for how long they will.
func (s *Server) checkCertificate(ctx context.Context) (bad, good texts.Text, err error) {
	host := s.cfg.Origin.Hostname()
	if s.cfg.Certificate == nil {
		if s.cfg.Origin.Scheme != "https" {
			return nil, texts.Say("check-certificate.not-needed"), nil
		}
		bad, good = s.checkShown(ctx, nil, texts.Say("check-certificate.in-front", "host", host))
		return bad, good, nil
	}
	own, err := s.cfg.Certificate()
	if err != nil {
		return texts.Say("check-certificate.cannot-be-used", "why", err), nil, nil
	}
	until := own.NotAfter
	bad, good = s.judge(own, nil, certificateSays{
		notYet:  texts.Say("check-certificate.not-yet"),
		ranOut:  texts.Say("check-certificate.ran-out", "until", until),
		runsOut: texts.Say("check-certificate.runs-out", "until", until),
		good:    texts.Say("check-certificate.good", "host", host, "until", until),
	})
	if own.VerifyHostname(host) != nil {
		bad = texts.Say("check-certificate.another-name", "host", host)
	}
	if bad == nil {
		bad, good = s.checkShown(ctx, own, good)
	}
	return bad, good, nil
}

// checkShown adds what browsers are shown at the portal's address, where that is not what
// its file says: one that was renewed and not taken up, or an older one of a web server in
// front. What cannot be looked at from this machine is no alarm, and neither is another
// name: behind some routers another machine answers there than people get to.
func (s *Server) checkShown(ctx context.Context, own *x509.Certificate, known texts.Text) (bad, good texts.Text) {
	if s.cfg.ShownCertificate == nil {
		return nil, known
	}
	and := func(more texts.Text) texts.Text { return joined("list.sentence", []texts.Text{known, more}) }
	host := s.cfg.Origin.Hostname()
	shown, err := s.cfg.ShownCertificate(ctx)
	if err != nil {
		return nil, and(texts.Say("check-certificate.not-seen", "host", host))
	}
	if shown.Equal(own) {
		return nil, known
	}
	if shown.VerifyHostname(host) != nil {
		return nil, and(texts.Say("check-certificate.another-answers", "host", host))
	}
	until := shown.NotAfter
	return s.judge(shown, nil, certificateSays{
		ranOut:  texts.Say("check-certificate.shown-ran-out", "host", host, "until", until),
		runsOut: texts.Say("check-certificate.shown-runs-out", "host", host, "until", until),
		good:    and(texts.Say("check-certificate.shown", "until", until)),
	})
}

// checkStorageCertificate finds out for how long the storage's certificate is good. One
// that is not believed cuts the server off from every letter.
func (s *Server) checkStorageCertificate(ctx context.Context) (bad, good texts.Text, err error) {
	if s.cfg.StorageCertificate == nil {
		return nil, texts.Say("check-storage-certificate.not-needed"), nil
	}
	shown, not := s.cfg.StorageCertificate(ctx)
	if shown == nil && not == nil {
		return nil, texts.Say("check-storage-certificate.without-tls"), nil
	}
	if shown == nil {
		return nil, nil, not
	}
	until, n := shown.NotAfter, s.daysLeft(shown)
	bad, good = s.judge(shown, not, certificateSays{
		notYet:      texts.Say("check-storage-certificate.not-yet", "from", shown.NotBefore),
		ranOut:      texts.Say("check-storage-certificate.ran-out", "until", until),
		notBelieved: texts.Say("check-storage-certificate.not-believed", "why", unbelieved(not)),
		runsOut:     texts.Say("check-storage-certificate.runs-out", "until", until, "n", n),
		good:        texts.Say("check-storage-certificate.good", "until", until, "n", n),
	})
	return bad, good, nil
}

// checkDatabaseCertificate is the same for the database's, without which nothing can be
// recorded. A connection that was made while it was good goes on.
func (s *Server) checkDatabaseCertificate(ctx context.Context) (bad, good texts.Text, err error) {
	shown, not := s.cfg.Register.Certificate(ctx)
	if shown == nil && not == nil {
		return nil, texts.Say("check-database-certificate.not-needed"), nil
	}
	if shown == nil {
		return nil, nil, not
	}
	until, n := shown.NotAfter, s.daysLeft(shown)
	bad, good = s.judge(shown, not, certificateSays{
		notYet:      texts.Say("check-database-certificate.not-yet", "from", shown.NotBefore),
		ranOut:      texts.Say("check-database-certificate.ran-out", "until", until),
		notBelieved: texts.Say("check-database-certificate.not-believed", "why", unbelieved(not)),
		runsOut:     texts.Say("check-database-certificate.runs-out", "until", until, "n", n),
		good:        texts.Say("check-database-certificate.good", "until", until, "n", n),
	})
	return bad, good, nil
}

// certificateSays is what a check says of a certificate; nil for what it says nothing of.
type certificateSays struct{ notYet, ranOut, notBelieved, runsOut, good texts.Text }

// judge is which of it is so now. not is why this machine does not believe it, if so.
func (s *Server) judge(shown *x509.Certificate, not error, says certificateSays) (bad, good texts.Text) {
	now, until := s.cfg.Now(), shown.NotAfter
	switch {
	case now.Before(shown.NotBefore):
		bad = says.notYet
	case !now.Before(until):
		bad = says.ranOut
	case not != nil:
		bad = says.notBelieved
	case until.Sub(now) < deposit.RenewedBefore(until.Sub(shown.NotBefore)):
		bad = says.runsOut
	}
	return bad, says.good
}

// daysLeft is for how many whole days a certificate is good.
func (s *Server) daysLeft(shown *x509.Certificate) int {
	return int(shown.NotAfter.Sub(s.cfg.Now()) / (24 * time.Hour))
}

// certificatesEnd counts the certificates that a check finds bad or near their end. One
// that cannot be asked for hides none that can.
func (s *Server) certificatesEnd(ctx context.Context) (n int, err error) {
	for _, find := range []func(context.Context) (bad, good texts.Text, err error){s.checkCertificate, s.checkStorageCertificate, s.checkDatabaseCertificate} {
		bad, _, failed := find(ctx)
		if bad != nil {
			n++
		}
		err = errors.Join(err, failed)
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// unbelieved is why a certificate is not believed, without what was being done; "" for
// one that is.
func unbelieved(err error) string {
	if err == nil {
		return ""
	}
	if wrong, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return wrong.Err.Error()
	}
	return err.Error()
}
