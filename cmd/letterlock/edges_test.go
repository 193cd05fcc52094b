package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"github.com/minio/minio-go/v7"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
)

// Only of a storage that refuses for who asks is it said that another may make the user: of
// one that refuses for a wrong clock, whoever tried other credentials would look in vain.
func TestOnlyARefusalOfWhoAsksIsOne(t *testing.T) {
	refused := func(code string) error {
		return fmt.Errorf("%w: %w", archive.ErrNothingMade, deposit.Explain("looking for a user of the storage", minio.ErrorResponse{Code: code, StatusCode: 403}))
	}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no rights":                 {refused("AccessDenied"), true},
		"no such interface":         {deposit.Explain("looking", minio.ErrorResponse{StatusCode: 501}), true},
		"a wrong clock":             {refused("RequestTimeTooSkewed"), false},
		"an untrusted certificate":  {deposit.Explain("looking", &tls.CertificateVerificationError{Err: errors.New("unknown authority")}), false},
		"nobody answers":            {deposit.Explain("looking", context.DeadlineExceeded), false},
		"another has the name":      {archive.ErrOthersUser, false},
		"nothing at all goes wrong": {nil, false},
	} {
		if got := letsNobodyMake(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
