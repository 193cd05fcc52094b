package disktest

import (
	"io"
	"io/fs"
	"syscall"
	"time"
)

// file is an open file.
type file struct {
	sim    *Sim
	node   *node
	name   string
	at     int64
	writes bool
	closed bool
}

// fault is Sim.fault, and fails on a file that is closed.
func (f *file) fault(op Op) (do bool, err error) {
	if f.closed {
		return false, fs.ErrClosed
	}
	return f.sim.fault(op)
}

func (f *file) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if _, err := f.fault(OpRead); err != nil {
		return 0, onPath("read", f.name, err)
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.at)
	f.at += int64(n)
	return n, err
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	do, err := f.fault(OpWrite)
	switch {
	case f.closed:
		return 0, onPath("write", f.name, err)
	case !f.writes:
		return 0, onPath("write", f.name, syscall.EBADF)
	case !do:
		b = b[:len(b)/2] // a disk that runs full has written some
	}
	grows := max(0, off+int64(len(b))-int64(len(f.node.data)))
	if room := f.sim.Room; room > 0 && f.sim.used+grows > room {
		return 0, onPath("write", f.name, syscall.ENOSPC)
	}
	data := make([]byte, int64(len(f.node.data))+grows)
	copy(data, f.node.data)
	n := copy(data[off:], b)
	f.node.data = data // what was synced is another slice
	f.sim.used += grows
	f.node.modified = f.sim.Now()
	return n, onPath("write", f.name, err)
}

func (f *file) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += f.at
	case io.SeekEnd:
		off += int64(len(f.node.data))
	}
	if off < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: syscall.EINVAL}
	}
	f.at = off
	return off, nil
}

func (f *file) Truncate(size int64) error {
	do, err := f.fault(OpWrite)
	if do {
		f.sim.used += size - int64(len(f.node.data))
		data := make([]byte, size)
		copy(data, f.node.data)
		f.node.data, f.node.modified = data, f.sim.Now()
	}
	return onPath("truncate", f.name, err)
}

func (f *file) Sync() error {
	do, err := f.fault(OpSync)
	if do {
		f.node.synced = f.node.data
	}
	return onPath("sync", f.name, err)
}

func (f *file) Stat() (fs.FileInfo, error) {
	if _, err := f.fault(OpStat); err != nil {
		return nil, onPath("stat", f.name, err)
	}
	return info{f.name, f.node}, nil
}

func (f *file) Close() error {
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	if f.writes && f.node.writers > 0 {
		f.node.writers--
	}
	return nil
}

// info is what a Sim says of a file or folder.
type info struct {
	name string
	*node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.data)) }
func (i info) ModTime() time.Time { return i.modified }
func (i info) IsDir() bool        { return i.dir }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return i.perm | fs.ModeDir
	}
	return i.perm
}

// Inode tells the files of simulated disks apart, whatever their names. It
// panics on the info of another disk.
func Inode(of fs.FileInfo) uint64 { return of.(info).inode }
