package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// file is one in an archive.
type file struct {
	name    string // in the archive, with slashes
	path    string // where its content is
	program bool
}

func (f file) mode() fs.FileMode {
	if f.program {
		return 0o755
	}
	return 0o644
}

// in are the files of a folder, in order of their names.
func in(dir string, as func(name string) file) (all []file, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		all = append(all, as(e.Name()))
	}
	return all, err
}

// texts are the manual pages and completions, which the programs print
// themselves; so those of this machine are built and asked.
func (s source) texts(ctx context.Context, into string) (all []file, err error) {
	programs, err := s.build(ctx, into, runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		name := strings.TrimSuffix(path.Base(p.name), ".exe")
		for as, args := range map[string][]string{
			"man/man1/" + name + ".1":           {"man"},
			"completion/bash/" + name:           {"completion", "bash"},
			"completion/zsh/_" + name:           {"completion", "zsh"},
			"completion/fish/" + name + ".fish": {"completion", "fish"},
		} {
			text, err := output(ctx, into, nil, p.path, args...)
			if err != nil {
				return nil, err
			}
			at := filepath.Join(into, filepath.FromSlash(as))
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, text, 0o644)); err != nil {
				return nil, err
			}
			all = append(all, file{name: as, path: at})
		}
	}
	return all, nil
}

// pages are what people read and install beside the programs. They keep their
// places, so that links between them hold.
func (s source) pages(goos string) (all []file, err error) {
	wanted := []string{"LICENSE", "README.md", ".github/*.md", ".github/*.png", "cmd/*/*.md", "pipeline/*.md", "scanner/*.md",
		"cmd/letterlock/alerts.yml", "cmd/letterlock/grafana.json"}
	if goos == "linux" {
		wanted = append(wanted, "cmd/*/*.service", "cmd/*/*.timer")
	}
	for _, pattern := range wanted {
		found, err := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, at := range found {
			name, err := filepath.Rel(s.dir, at)
			if err != nil {
				return nil, err
			}
			all = append(all, file{name: filepath.ToSlash(name), path: at})
		}
	}
	return all, nil
}

// writeTar writes a gzipped tar of a folder of that name, the same bytes for the
// same files: in order, everything of one moment and of nobody.
func writeTar(to, folder string, at time.Time, files []file) error {
	return create(to, func(w io.Writer) error {
		gz, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		t := tar.NewWriter(gz)
		for _, f := range sorted(files) {
			content, err := os.ReadFile(f.path)
			if err != nil {
				return err
			}
			if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(folder, f.name), Size: int64(len(content)),
				Mode: int64(f.mode()), ModTime: at, Format: tar.FormatPAX}); err != nil {
				return err
			}
			if _, err := t.Write(content); err != nil {
				return err
			}
		}
		return errors.Join(t.Close(), gz.Close())
	})
}

// writeZip does the same as a zip.
func writeZip(to, folder string, at time.Time, files []file) error {
	return create(to, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, f := range sorted(files) {
			content, err := os.ReadFile(f.path)
			if err != nil {
				return err
			}
			h := &zip.FileHeader{Name: path.Join(folder, f.name), Method: zip.Deflate, Modified: at}
			h.SetMode(f.mode())
			one, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if _, err := one.Write(content); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

func create(to string, write func(io.Writer) error) error {
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// checksums writes SHA256SUMS, as sha256sum -c reads it, of all in a folder.
func checksums(dir string) (path string, err error) {
	files, err := in(dir, func(name string) file { return file{name: name, path: filepath.Join(dir, name)} })
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(f.path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(content), f.name)
	}
	path = filepath.Join(dir, "SHA256SUMS")
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}
