package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// checkCertificate finds out for how long the storage's certificate is good. Without TLS
// there is no line, and none where the storage cannot be reached, of which its own says more.
func checkCertificate(ctx context.Context, store *deposit.S3, now time.Time) []folder.Line {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	shown, err := store.Certificate(ctx)
	if shown == nil {
		return nil
	}
	return []folder.Line{judgeCertificate(shown, err, now)}
}

// judgeCertificate says of a certificate whether it will do; not is why this machine does not believe it.
func judgeCertificate(shown *x509.Certificate, not error, now time.Time) folder.Line {
	line := folder.Line{Name: "certificate"}
	day := func(t time.Time) string { return t.In(letter.London).Format("2 January 2006") }
	left := shown.NotAfter.Sub(now)
	days := words.Number(int(left/(24*time.Hour)), "day")
	const wait = "Scans wait here until the storage has a good one, and nothing is lost."
	switch late := deposit.RenewedBefore(shown.NotAfter.Sub(shown.NotBefore)); {
	case now.Before(shown.NotBefore):
		line.Says = fmt.Sprintf("The storage's certificate is good from %s only: either it or this machine's clock is wrong. %s", day(shown.NotBefore), wait)
	case left <= 0:
		line.Says = fmt.Sprintf("The storage's certificate ran out on %s. %s Tell whoever looks after the storage to renew it.", day(shown.NotAfter), wait)
	case not != nil:
		line.Says = fmt.Sprintf("This machine does not believe the storage's certificate: %s. %s Tell whoever looks after the storage; if its authority is your own, this machine must know that.", reasonOf(not), wait)
	case left < late:
		line.Says = fmt.Sprintf("The storage's certificate runs out on %s, in %s, and was not renewed yet. After that scans wait here, and nothing is lost. Tell whoever looks after the storage to renew it.", day(shown.NotAfter), days)
	default:
		line.OK, line.Says = true, fmt.Sprintf("The storage's certificate is good until %s, for %s.", day(shown.NotAfter), days)
	}
	return line
}

// reasonOf is why a certificate is not believed, without what was being done.
func reasonOf(err error) string {
	if wrong, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return wrong.Err.Error()
	}
	return err.Error()
}
