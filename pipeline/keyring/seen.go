package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"letterlock/pipeline/durable"
)

// seenFile, among the keys, holds what the register looked like last. The
// keyring is kept out of backups, so that its memory is of now when a database
// or a bucket is not.
const seenFile = "register.seen"

// Remember keeps the register's newest signed checkpoint beside the keys. When
// it returns nil, that is on disk; a crash before leaves the one before.
func (k *Keyring) Remember(checkpoint string) error {
	if err := durable.Replace(filepath.Join(k.dir, seenFile), []byte(checkpoint), 0o600); err != nil {
		return fmt.Errorf("remembering the register's checkpoint: %w", err)
	}
	return nil
}

// Remembered is the checkpoint that was kept last, as it lies there, or "". It
// is for the register to say whether it is one.
func (k *Keyring) Remembered() (checkpoint string, err error) {
	text, err := os.ReadFile(filepath.Join(k.dir, seenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the register's remembered checkpoint: %w", err)
	}
	return string(text), nil
}
