package evidence

import (
	"archive/zip"
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Zip writes a pack as one zip file, without going back in it. One that was cut
// off has no directory at its end, and no program opens it.
type Zip struct{ zip *zip.Writer }

// NewZip begins a zip file.
func NewZip(w io.Writer) *Zip { return &Zip{zip.NewWriter(w)} }

// File adds one file.
func (z *Zip) File(name string, write func(io.Writer) error) error {
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now()})
	if err != nil {
		return err
	}
	return write(w)
}

// Close ends the zip file.
func (z *Zip) Close() error { return z.zip.Close() }

// Folder writes a pack into a folder that is there.
type Folder string

// File adds one file, for its owner's eyes only. It replaces none.
func (d Folder) File(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	if err = write(out); err == nil {
		err = errors.Join(out.Flush(), f.Sync())
	}
	return errors.Join(err, f.Close())
}
