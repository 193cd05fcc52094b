package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// believed are the keys of which one must have signed what this machine is to believe of
// its server: the one with which it was enrolled, or those that followed it, as far as the
// scanner has written down in its folder of that name ("" for none) and the store says.
// What cannot be read or is no true word of them changes nothing.
func believed(ctx context.Context, store *deposit.S3, enrolled note.Verifier, state string) []note.Verifier {
	var known letter.ServerKeys
	if text, err := os.ReadFile(filepath.Join(state, scanner.ServerKeysFile)); err == nil && state != "" {
		if read, err := letter.ReadServerKeys(text); err == nil && read.Holds(enrolled) {
			known = read
		}
	}
	if msg, err := store.Get(ctx, letter.ServerKeysKey); err == nil {
		known, _ = known.Follow(enrolled, msg, time.Now())
	}
	return known.Believed(enrolled)
}
