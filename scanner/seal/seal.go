// Package seal encrypts a letter to the public key of its expiry week, and
// holds the signed list that says which key that is.
//
// The format is plain age (https://age-encryption.org/v1) with one hybrid,
// post-quantum recipient: the stock age program, 1.3 or later, opens a sealed
// letter as long as the week's private key exists, and nothing does after it.
package seal

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"filippo.io/age"
)

// Seal encrypts all of src to the recipient and writes the sealed letter to
// dst, in memory that does not grow with the letter. It returns what the
// manifest states of the sealed letter: its size in bytes and its SHA-256.
// After an error dst holds a useless part of a letter. Two seals of the same
// letter differ, since age draws a fresh file key each time.
func Seal(dst io.Writer, src io.Reader, to age.Recipient) (size int64, sum [sha256.Size]byte, err error) {
	measured := &measure{dst: dst, hash: sha256.New()}
	w, err := age.Encrypt(measured, to)
	if err != nil {
		return 0, sum, fmt.Errorf("sealing: %w", err)
	}
	if _, err := io.Copy(w, src); err != nil {
		return 0, sum, fmt.Errorf("sealing: %w", err)
	}
	// Close writes the last chunk; without it the letter would not open.
	if err := w.Close(); err != nil {
		return 0, sum, fmt.Errorf("sealing: %w", err)
	}
	measured.hash.Sum(sum[:0])
	return measured.size, sum, nil
}

// measure counts and hashes what really reached dst.
type measure struct {
	dst  io.Writer
	hash hash.Hash
	size int64
}

func (m *measure) Write(p []byte) (int, error) {
	n, err := m.dst.Write(p)
	m.hash.Write(p[:n])
	m.size += int64(n)
	return n, err
}
