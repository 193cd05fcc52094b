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
	"io"

	"filippo.io/age"
)

// Seal encrypts all of src to the recipient and writes the sealed letter to
// dst, in memory that does not grow with the letter. It returns what the
// manifest states of the sealed letter: its size in bytes and its SHA-256.
// After an error dst holds a useless part of a letter. Two seals of the same
// letter differ, since age draws a fresh file key each time.
func Seal(dst io.Writer, src io.Reader, to age.Recipient) (size int64, sum [sha256.Size]byte, err error) {
	measured := &measure{dst: dst}
	err = encrypt(measured, src, to)
	sum = measured.sum.end() // in any case: somebody may wait for it
	if err != nil {
		return 0, sum, fmt.Errorf("sealing: %w", err)
	}
	return measured.size, sum, nil
}

func encrypt(dst io.Writer, src io.Reader, to age.Recipient) error {
	w, err := age.Encrypt(dst, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	return w.Close() // it writes the last chunk; without it the letter would not open
}

// measure counts and hashes what really reached dst.
type measure struct {
	dst  io.Writer
	sum  summer
	size int64
}

func (m *measure) Write(p []byte) (int, error) {
	n, err := m.dst.Write(p)
	m.sum.add(p[:n])
	m.size += int64(n)
	return n, err
}

// summer is a SHA-256 that is computed beside the work of whoever adds to it:
// encrypting and writing take as long again. A letter of one block is too short for
// that.
type summer struct {
	full, empty chan []byte // nil while there is one block
	block       []byte      // that is being filled
	sum         chan [sha256.Size]byte
}

// blockSize is more than age writes at once, and blocks is one that is filled,
// one that is read and one between them.
const (
	blockSize = 256 << 10
	blocks    = 3
)

func (s *summer) add(p []byte) {
	for len(p) > 0 {
		switch {
		case s.block == nil:
			s.block = make([]byte, 0, blockSize)
		case len(s.block) == blockSize:
			s.pass()
		}
		n := min(blockSize-len(s.block), len(p))
		s.block, p = append(s.block, p[:n]...), p[n:]
	}
}

// pass gives a full block away and takes an empty one.
func (s *summer) pass() {
	if s.full == nil {
		s.full, s.empty, s.sum = make(chan []byte, blocks), make(chan []byte, blocks), make(chan [sha256.Size]byte, 1)
		for range blocks - 1 {
			s.empty <- make([]byte, 0, blockSize)
		}
		go func() {
			hash := sha256.New()
			for block := range s.full {
				hash.Write(block)
				s.empty <- block[:0]
			}
			s.sum <- [sha256.Size]byte(hash.Sum(nil))
		}()
	}
	s.full <- s.block
	s.block = <-s.empty
}

// end is the sum of all that was added. Nothing may be added after it.
func (s *summer) end() [sha256.Size]byte {
	if s.full == nil {
		return sha256.Sum256(s.block)
	}
	s.full <- s.block
	close(s.full)
	return <-s.sum
}
