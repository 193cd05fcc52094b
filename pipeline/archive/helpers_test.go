package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

func letterKey() string {
	return letter.ObjectKey(letter.SixMonths, "respect-phoneline", letter.Date{Year: 2026, Month: 11, Day: 26}, letter.NewID())
}

func random(n int) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rand.Uint32())
	}
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func put(ctx context.Context, s store, key string, object []byte, mode deposit.Mode) (string, error) {
	return s.Put(ctx, key, bytes.NewReader(object), int64(len(object)), sha256.Sum256(object), mode)
}

func mustPut(t *testing.T, s store, key string, object []byte, mode deposit.Mode) (version string) {
	t.Helper()
	version, err := put(t.Context(), s, key, object, mode)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func read(t *testing.T, s store, key, version string) []byte {
	t.Helper()
	body, size, err := s.Read(t.Context(), key, version)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("reading: %d bytes of %d, %v", len(b), size, err)
	}
	return b
}

func traces(t *testing.T, s store, key string) []archive.Trace {
	t.Helper()
	found, err := s.Traces(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func list(t *testing.T, s store, prefix string) (keys []string) {
	t.Helper()
	for key, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// leaveUpload leaves an unfinished upload of key behind.
func leaveUpload(t *testing.T, s store, key string) {
	t.Helper()
	var err error
	switch s := s.(type) {
	case *archive.Dir:
		err = s.Root().WriteFile(deposit.UploadName(key), random(100), 0o600)
	case *archive.S3:
		core, bucket := s.Client()
		_, err = core.NewMultipartUpload(t.Context(), bucket, key, putOptions)
	default:
		err = fmt.Errorf("%T", s)
	}
	if err != nil {
		t.Fatal(err)
	}
}
