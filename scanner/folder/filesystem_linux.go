package folder

import (
	"golang.org/x/sys/unix"
)

// sameFileSystem reports whether two folders are of one file system.
func sameFileSystem(a, b string) bool {
	var one, two unix.Stat_t
	return unix.Stat(a, &one) == nil && unix.Stat(b, &two) == nil && one.Dev == two.Dev
}

// remote, btrfs and zfs are file systems that may keep what is deleted without
// showing it.
var (
	remote = binKind{how: maybe,
		off: "The folder lies on another machine. Ask who looks after that one for its recycle bin, snapshots and backups of this share, which cannot all be seen from here."}
	btrfs = binKind{how: maybe,
		off: `Look for snapshots with "btrfs subvolume list -s", and leave the scanner folder out of them.`}
	zfs = binKind{how: maybe,
		off: `Look for snapshots with "zfs list -t snapshot", and leave the scanner folder out of them.`}
)

// File systems by their numbers in statfs(2); those that x/sys does not know are
// from linux/magic.h and the file system's own source.
var fileSystems = map[int64]struct {
	what string
	kind *binKind
}{
	unix.BTRFS_SUPER_MAGIC: {"a file system with snapshots: btrfs", &btrfs},
	0x2fc12fc1:             {"a file system with snapshots: ZFS", &zfs},
	unix.NFS_SUPER_MAGIC:   {"a share of another machine: NFS", &remote},
	unix.CIFS_SUPER_MAGIC:  {"a share of another machine: SMB", &remote},
	unix.SMB2_SUPER_MAGIC:  {"a share of another machine: SMB", &remote},
	unix.SMB_SUPER_MAGIC:   {"a share of another machine: SMB", &remote},
	unix.CEPH_SUPER_MAGIC:  {"a share of other machines: Ceph", &remote},
	unix.AFS_SUPER_MAGIC:   {"a share of another machine: AFS", &remote},
	unix.V9FS_MAGIC:        {"a share of another machine: 9p", &remote},
	unix.FUSE_SUPER_MAGIC:  {"a file system made by a program: FUSE", &remote},
}

// fileSystem says what the file system of the folder may keep.
func fileSystem(dir string) []Bin {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return nil
	}
	is, known := fileSystems[int64(uint32(st.Type))]
	if !known {
		return nil
	}
	return []Bin{{Path: dir, What: is.what, kind: is.kind}}
}
