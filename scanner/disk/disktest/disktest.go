// Package disktest is a disk that exists in memory only: it fails when it is
// told to, runs full, and loses power, after which only what was synced is sure
// to be there. It is for simulations; disk's own tests hold it to the same
// suite as the machine's disk.
package disktest

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
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
	// it returns becomes that operation's error. A failed write or sync may
	// have done its work in part.
	Fault func(op Op) error
	Now   func() time.Time // of changes
	// Room is how many bytes files may hold together; 0 for no limit.
	Room int64

	root *node
	next uint64 // inode
	used int64
}

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
	changed      map[string]bool // names that differ from those kept

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
		n.names, n.kept, n.changed = map[string]*node{}, map[string]*node{}, map[string]bool{}
	}
	return n
}

// PowerCut is the moment in which the machine stops. Each name that was not
// synced is there or not as chance has it, one by one, and of each file what
// was not synced is there, is zero, or is missing. Open files are gone.
func (s *Sim) PowerCut(chance *rand.Rand) {
	s.used = 0
	s.restart(s.root, chance, map[*node]bool{})
}

func (s *Sim) restart(n *node, chance *rand.Rand, done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	n.writers = 0
	if !n.dir {
		n.data = survivor(n, chance)
		n.synced = n.data
		s.used += int64(len(n.data))
		return
	}
	changed := make([]string, 0, len(n.changed))
	for name := range n.changed {
		changed = append(changed, name)
	}
	sort.Strings(changed) // a seed gives the same run again
	for _, name := range changed {
		if chance.IntN(2) == 0 {
			continue // it reached the disk
		}
		if old := n.kept[name]; old != nil {
			n.names[name] = old
		} else {
			delete(n.names, name)
		}
	}
	n.keep()
	for _, name := range sorted(n.names) {
		s.restart(n.names[name], chance, done)
	}
}

// survivor is what a power cut leaves of a file.
func survivor(n *node, chance *rand.Rand) []byte {
	if string(n.data) == string(n.synced) {
		return n.data
	}
	switch chance.IntN(4) {
	case 0:
		return n.data
	case 1:
		return n.synced
	case 2:
		return make([]byte, len(n.data)) // the length was written, the content not
	default:
		return append([]byte(nil), n.data[:chance.IntN(len(n.data)+1)]...)
	}
}

func (n *node) keep() {
	n.kept = make(map[string]*node, len(n.names))
	for name, child := range n.names {
		n.kept[name] = child
	}
	n.changed = map[string]bool{}
}

func sorted(names map[string]*node) []string {
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

func (s *Sim) fault(op Op, call, name string) error {
	if s.Fault == nil {
		return nil
	}
	if err := s.Fault(op); err != nil {
		return &fs.PathError{Op: call, Path: name, Err: err}
	}
	return nil
}

// find walks to a name. Its folder is nil when that is missing.
func (s *Sim) find(name string) (dir *node, base string, is *node, err error) {
	name = path.Clean(name)
	if name == "." {
		return nil, ".", s.root, nil
	}
	dir = s.root
	parts := strings.Split(name, "/")
	for _, part := range parts[:len(parts)-1] {
		dir = dir.names[part]
		if dir == nil {
			return nil, "", nil, syscall.ENOENT
		}
		if !dir.dir {
			return nil, "", nil, syscall.ENOTDIR
		}
	}
	base = parts[len(parts)-1]
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

func (s *Sim) set(dir *node, name string, is *node) {
	if is == nil {
		delete(dir.names, name)
	} else {
		dir.names[name] = is
	}
	dir.changed[name] = true
	dir.modified = s.Now()
}

// OpenFile implements disk.Disk.
func (s *Sim) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	bad := func(err error) (disk.File, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	making := flag&os.O_CREATE != 0
	op := OpOpen
	if making {
		op = OpMake
	}
	if err := s.fault(op, "open", name); err != nil {
		return nil, err
	}
	dir, base, is, err := s.find(name)
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case is == nil && (dir == nil || !making):
		return bad(err)
	case is == nil:
		is = s.node(false, perm)
		s.set(dir, base, is)
	case making && flag&os.O_EXCL != 0:
		return bad(syscall.EEXIST)
	case is.dir && writes:
		return bad(syscall.EISDIR)
	}
	if flag&os.O_TRUNC != 0 {
		s.used -= int64(len(is.data))
		is.data = nil
	}
	if writes {
		is.writers++
	}
	return &file{sim: s, node: is, name: name, writes: writes}, nil
}

// List implements disk.Disk.
func (s *Sim) List(name string) ([]fs.DirEntry, error) {
	if err := s.fault(OpList, "open", name); err != nil {
		return nil, err
	}
	_, _, is, err := s.find(name)
	if err == nil && !is.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	var list []fs.DirEntry
	for _, child := range sorted(is.names) {
		list = append(list, fs.FileInfoToDirEntry(info{child, is.names[child]}))
	}
	return list, nil
}

// Lstat implements disk.Disk.
func (s *Sim) Lstat(name string) (fs.FileInfo, error) {
	if err := s.fault(OpStat, "lstat", name); err != nil {
		return nil, err
	}
	_, base, is, err := s.find(name)
	if err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	return info{base, is}, nil
}

// Mkdir implements disk.Disk.
func (s *Sim) Mkdir(name string, perm fs.FileMode) error {
	err := s.fault(OpMkdir, "mkdir", name)
	if err != nil {
		return err
	}
	dir, base, is, err := s.find(name)
	switch {
	case is != nil:
		err = syscall.EEXIST
	case dir != nil && err == syscall.ENOENT:
		s.set(dir, base, s.node(true, perm))
		return nil
	}
	return &fs.PathError{Op: "mkdir", Path: name, Err: err}
}

// Rename implements disk.Disk.
func (s *Sim) Rename(from, to string) error { return s.rename(from, to, true) }

// RenameNew implements disk.Disk.
func (s *Sim) RenameNew(from, to string) error { return s.rename(from, to, false) }

func (s *Sim) rename(from, to string, replace bool) error {
	bad := func(err error) error { return &os.LinkError{Op: "rename", Old: from, New: to, Err: err} }
	if s.Fault != nil {
		if err := s.Fault(OpRename); err != nil {
			return bad(err)
		}
	}
	oldDir, oldBase, is, err := s.find(from)
	if is == nil || oldDir == nil {
		return bad(err)
	}
	newDir, newBase, there, err := s.find(to)
	switch {
	case newDir == nil:
		return bad(err)
	case err == syscall.ENAMETOOLONG:
		return bad(err)
	case there == is:
		return nil
	case there != nil && !replace:
		return bad(syscall.EEXIST)
	case there != nil && (there.dir || is.dir):
		return bad(syscall.EEXIST) // more strict than needed, and nobody needs it
	}
	if there != nil {
		s.used -= int64(len(there.data))
	}
	s.set(newDir, newBase, is)
	s.set(oldDir, oldBase, nil)
	return nil
}

// Remove implements disk.Disk.
func (s *Sim) Remove(name string) error {
	if err := s.fault(OpRemove, "remove", name); err != nil {
		return err
	}
	dir, base, is, err := s.find(name)
	if err == nil && dir == nil {
		err = syscall.EINVAL
	}
	if err == nil && len(is.names) > 0 {
		err = syscall.ENOTEMPTY
	}
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	s.used -= int64(len(is.data))
	s.set(dir, base, nil)
	return nil
}

// SyncDir implements disk.Disk.
func (s *Sim) SyncDir(name string) error {
	if err := s.fault(OpSyncDir, "sync", name); err != nil {
		return err
	}
	_, _, is, err := s.find(name)
	if err == nil && !is.dir {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return &fs.PathError{Op: "sync", Path: name, Err: err}
	}
	is.keep()
	return nil
}

// Writing implements disk.Disk.
func (s *Sim) Writing(f disk.File) bool { return f.(*file).node.writers > 0 }

// String says how large the disk is, for a test that failed.
func (s *Sim) String() string {
	var b strings.Builder
	s.Files(func(name string, data []byte) { fmt.Fprintf(&b, "%6d %s\n", len(data), name) })
	return b.String()
}
