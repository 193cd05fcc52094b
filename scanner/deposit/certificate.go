package deposit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/minio/minio-go/v7"

	"letterlock/scanner/letter"
)

// Certificate is the one that the server shows over TLS now, asked for over a connection
// of its own: an older connection would go on with the one before. Without TLS it is nil.
// One that this machine does not believe comes with the reason why, which is an
// ErrRefused.
func (s *S3) Certificate(ctx context.Context) (*x509.Certificate, error) {
	if !s.secure {
		return nil, nil
	}
	fresh, err := s.Fresh()
	if err != nil {
		return nil, err
	}
	defer fresh.Close()
	_, err = fresh.core.StatObject(ctx, s.config.Bucket, letter.RecipientsKey, minio.StatObjectOptions{})
	if shown := fresh.witness.certificate(); shown != nil {
		return shown, nil // whatever the answer was
	}
	var unbelieved *tls.CertificateVerificationError
	if errors.As(err, &unbelieved) && len(unbelieved.UnverifiedCertificates) > 0 {
		return unbelieved.UnverifiedCertificates[0], Explain("asking the store for its certificate", unbelieved)
	}
	if err == nil {
		err = ErrUnavailable // an answer without TLS on an https endpoint: a proxy's own
	}
	return nil, Explain("asking the store for its certificate", err)
}

// RenewedBefore is how long before its end a certificate of that life should have been
// renewed: three weeks, or a quarter of a shorter life. An ACME client renews with a
// third left.
func RenewedBefore(life time.Duration) time.Duration { return min(21*24*time.Hour, life/4) }
