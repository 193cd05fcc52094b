package pipeline

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
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
	case own.NotAfter.Sub(now) < deposit.RenewedBefore(own.NotAfter.Sub(own.NotBefore)):
		bad = texts.Say("check-certificate.runs-out", "until", until)
	}
	return bad, texts.Say("check-certificate.good", "host", host, "until", until), nil
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
	now, until := s.cfg.Now(), shown.NotAfter
	left := until.Sub(now)
	days := int(left / (24 * time.Hour))
	switch {
	case now.Before(shown.NotBefore):
		bad = texts.Say("check-storage-certificate.not-yet", "from", shown.NotBefore)
	case left <= 0:
		bad = texts.Say("check-storage-certificate.ran-out", "until", until)
	case not != nil:
		bad = texts.Say("check-storage-certificate.not-believed", "why", unbelieved(not))
	case left < deposit.RenewedBefore(until.Sub(shown.NotBefore)):
		bad = texts.Say("check-storage-certificate.runs-out", "until", until, "n", days)
	}
	return bad, texts.Say("check-storage-certificate.good", "until", until, "n", days), nil
}

// certificatesEnd counts the certificates that a check finds bad or near their end. One
// that cannot be asked for hides none that can.
func (s *Server) certificatesEnd(ctx context.Context) (n int, err error) {
	for _, find := range []func(context.Context) (bad, good texts.Text, err error){s.checkCertificate, s.checkStorageCertificate} {
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

// unbelieved is why a certificate is not believed, without what was being done.
func unbelieved(err error) string {
	if wrong, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return wrong.Err.Error()
	}
	return err.Error()
}
