// Package disktest is a disk that exists in memory only: it fails when it is
// told to, runs full, and loses power, after which only what was synced is sure
// to be there. It is for simulations; disk's own tests hold it to the same
// suite as the machine's disk.
package disktest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"syscall"
	"time"

	"letterlock/scanner/disk"
)

// Sim is a simulated disk. It is for one goroutine.
type Sim struct {
	// Fault, if not nil, is asked before every operation that may fail; what
	// it returns becomes that operation's error. A failed write has done its
	// work in part. An error that wraps ErrDone is that of an operation that is
	// done all the same. Fault may change the disk itself, as somebody else who
	// works on it at the same moment.
	Fault func(op Op) error
	Now   func() time.Time // of changes
	// Room is how many bytes files may hold together; 0 for no limit.
	Room int64

	root *node
	next uint64 // inode
	used int64
}

// ErrDone says that an operation was done and the answer lost, as happens with
// a disk behind a network.
var ErrDone = errors.New("done, but the answer was lost")

// Op is a kind of operation.
type Op string

// What a Sim's Fault is asked about.
const (
	OpOpen, OpList, OpStat, OpRead     Op = "open", "list", "stat", "read"
	OpMake, OpWrite, OpSync, OpSyncDir Op = "make", "write", "sync", "sync-dir"
	OpMkdir, OpRename, OpRemove        Op = "mkdir", "rename", "remove"
)

// node is a file or a folder. A file has the bytes that are seen and those
// that outlive a power cut; a folder has the names that are seen and those that
// do.
type node struct {
	inode    uint64
	dir      bool
	perm     fs.FileMode
	modified time.Time

	data, synced []byte
	names, kept  map[string]*node
	changed      map[string]*change // the names that may differ from those kept

	writers int // open handles that may write
}

// New is an empty disk.
func New(now func() time.Time) *Sim {
	s := &Sim{Now: now}
	s.root = s.node(true, 0o700)
	return s
}

func (s *Sim) node(dir bool, perm fs.FileMode) *node {
	s.next++
	n := &node{inode: s.next, dir: dir, perm: perm, modified: s.Now()}
	if dir {
		n.names, n.kept, n.changed = map[string]*node{}, map[string]*node{}, map[string]*change{}
	}
	return n
}

func sorted[V any](names map[string]V) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

// Used is how many bytes files hold together.
func (s *Sim) Used() int64 { return s.used }

// Files calls see with every file in order of name. It never fails.
func (s *Sim) Files(see func(name string, data []byte)) { s.files(s.root, "", see) }

func (s *Sim) files(n *node, at string, see func(string, []byte)) {
	for _, name := range sorted(n.names) {
		if child := n.names[name]; child.dir {
			s.files(child, path.Join(at, name), see)
		} else {
			see(path.Join(at, name), child.data)
		}
	}
}

// Reboot closes every file that a process left open, which is what its end does.
func (s *Sim) Reboot() { reboot(s.root) }

func reboot(n *node) {
	n.writers = 0
	for _, child := range n.names {
		reboot(child)
	}
}

// fault asks Fault. It returns what is to be returned, and whether the operation
// is to be done first.
func (s *Sim) fault(op Op) (do bool, err error) {
	if s.Fault == nil {
		return true, nil
	}
	err = s.Fault(op)
	return err == nil || errors.Is(err, ErrDone), err
}

// find walks to a name. Its folder is nil when that is missing.
func (s *Sim) find(name string) (dir *node, base string, is *node, err error) {
	name = path.Clean(name)
	if name == "." {
		return nil, ".", s.root, nil
	}
	dir, base = s.root, name
	for {
		part, rest, more := strings.Cut(base, "/")
		if !more {
			break
		}
		if dir = dir.names[part]; dir == nil {
			return nil, "", nil, syscall.ENOENT
		}
		if !dir.dir {
			return nil, "", nil, syscall.ENOTDIR
		}
		base = rest
	}
	if base == ".." || base == "" {
		return nil, "", nil, syscall.EINVAL
	}
	if len(base) > disk.MaxName {
		return nil, "", nil, syscall.ENAMETOOLONG
	}
	if is = dir.names[base]; is == nil {
		return dir, base, nil, syscall.ENOENT
	}
	return dir, base, is, nil
}

// set gives a name in a folder to a node, or to none.
func (s *Sim) set(dir *node, name string, is *node) *change {
	if is == nil {
		delete(dir.names, name)
	} else {
		dir.names[name] = is
	}
	dir.modified = s.Now()
	return dir.note(name)
}

// onPath is an error as package os has it.
func onPath(call, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: call, Path: name, Err: err}
}

// OpenFile implements disk.Disk.
func (s *Sim) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	op := OpOpen
	if flag&os.O_CREATE != 0 {
		op = OpMake
	}
	do, err := s.fault(op)
	var opened *file
	if do {
		is, failed := s.open(name, flag, perm)
		if failed != nil {
			err = failed
		} else if err == nil {
			opened = &file{sim: s, node: is, name: name, writes: writes(flag)}
		}
	}
	if err != nil {
		return nil, onPath("open", name, err)
	}
	if opened.writes {
		opened.node.writers++
	}
	return opened, nil
}

func writes(flag int) bool { return flag&(os.O_WRONLY|os.O_RDWR) != 0 }

func (s *Sim) open(name string, flag int, perm fs.FileMode) (*node, error) {
	dir, base, is, err := s.find(name)
	making := flag&os.O_CREATE != 0
	switch {
	case is == nil && (dir == nil || !making):
		return nil, err
	case is == nil:
		is = s.node(false, perm)
		s.set(dir, base, is)
	case making && flag&os.O_EXCL != 0:
		return nil, syscall.EEXIST
	case is.dir && writes(flag):
		return nil, syscall.EISDIR
	}
	if flag&os.O_TRUNC != 0 {
		s.used -= int64(len(is.data))
		is.data = nil
	}
	return is, nil
}

// List implements disk.Disk.
func (s *Sim) List(name string) ([]fs.DirEntry, error) {
	do, err := s.fault(OpList)
	var list []fs.DirEntry
	if do && err == nil {
		list, err = s.list(name)
	}
	return list, onPath("open", name, err)
}

func (s *Sim) list(name string) ([]fs.DirEntry, error) {
	_, _, is, err := s.find(name)
	if err == nil && !is.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(is.names))
	for _, child := range sorted(is.names) {
		list = append(list, fs.FileInfoToDirEntry(info{child, is.names[child]}))
	}
	return list, nil
}

// Lstat implements disk.Disk.
func (s *Sim) Lstat(name string) (fs.FileInfo, error) {
	_, err := s.fault(OpStat)
	var base string
	var is *node
	if err == nil {
		_, base, is, err = s.find(name)
	}
	if err != nil {
		return nil, onPath("lstat", name, err)
	}
	return info{base, is}, nil
}

// Mkdir implements disk.Disk.
func (s *Sim) Mkdir(name string, perm fs.FileMode) error {
	return onPath("mkdir", name, s.change(OpMkdir, func() error {
		dir, base, is, err := s.find(name)
		switch {
		case is != nil:
			return syscall.EEXIST
		case dir == nil || err != syscall.ENOENT:
			return err
		}
		s.set(dir, base, s.node(true, perm))
		return nil
	}))
}

// change does what changes the disk, unless there is a fault.
func (s *Sim) change(op Op, do func() error) error {
	may, err := s.fault(op)
	if may {
		if failed := do(); failed != nil {
			return failed
		}
	}
	return err
}

// Rename implements disk.Disk.
func (s *Sim) Rename(from, to string) error { return s.rename(from, to, true) }

// RenameNew implements disk.Disk.
func (s *Sim) RenameNew(from, to string) error { return s.rename(from, to, false) }

func (s *Sim) rename(from, to string, replace bool) error {
	err := s.change(OpRename, func() error { return s.move(from, to, replace) })
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (s *Sim) move(from, to string, replace bool) error {
	oldDir, oldBase, is, err := s.find(from)
	if is == nil || oldDir == nil {
		return err
	}
	newDir, newBase, there, err := s.find(to)
	switch {
	case newDir == nil:
		return err
	case err == syscall.ENAMETOOLONG:
		return err
	case there == is:
		return nil
	case there != nil && !replace:
		return syscall.EEXIST
	case there != nil && (there.dir || is.dir):
		return syscall.EEXIST // more strict than needed, and nobody needs it
	}
	if there != nil {
		s.used -= int64(len(there.data))
	}
	c := s.set(newDir, newBase, is)
	c.arrive(newDir, newBase)
	c.join(s.set(oldDir, oldBase, nil))
	return nil
}

// Remove implements disk.Disk.
func (s *Sim) Remove(name string) error {
	return onPath("remove", name, s.change(OpRemove, func() error {
		dir, base, is, err := s.find(name)
		if err == nil && dir == nil {
			err = syscall.EINVAL
		}
		if err == nil && len(is.names) > 0 {
			err = syscall.ENOTEMPTY
		}
		if err != nil {
			return err
		}
		s.used -= int64(len(is.data))
		s.set(dir, base, nil)
		return nil
	}))
}

// SyncDir implements disk.Disk.
func (s *Sim) SyncDir(name string) error {
	return onPath("sync", name, s.change(OpSyncDir, func() error {
		_, _, is, err := s.find(name)
		if err == nil && !is.dir {
			err = syscall.ENOTDIR
		}
		if err == nil {
			is.sync()
		}
		return err
	}))
}

// Writing implements disk.Disk.
func (s *Sim) Writing(f disk.File) (is, known bool) { return f.(*file).node.writers > 0, true }

// String says how large the disk is, for a test that failed.
func (s *Sim) String() string {
	var b strings.Builder
	s.Files(func(name string, data []byte) { fmt.Fprintf(&b, "%6d %s\n", len(data), name) })
	return b.String()
}
