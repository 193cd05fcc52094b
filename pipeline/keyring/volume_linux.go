package keyring

import "golang.org/x/sys/unix"

// volumes are file systems by their numbers in statfs(2); those that x/sys does
// not know are from linux/magic.h and the file systems' own sources.
var volumes = map[int64]Volume{
	unix.BTRFS_SUPER_MAGIC:     VolumeCopies,
	0x2fc12fc1:                 VolumeCopies, // ZFS
	0xca451a4e:                 VolumeCopies, // bcachefs
	unix.F2FS_SUPER_MAGIC:      VolumeCopies,
	unix.NILFS_SUPER_MAGIC:     VolumeCopies,
	unix.NFS_SUPER_MAGIC:       VolumeRemote,
	unix.CIFS_SUPER_MAGIC:      VolumeRemote,
	unix.SMB2_SUPER_MAGIC:      VolumeRemote,
	unix.SMB_SUPER_MAGIC:       VolumeRemote,
	unix.CEPH_SUPER_MAGIC:      VolumeRemote,
	unix.AFS_SUPER_MAGIC:       VolumeRemote,
	unix.V9FS_MAGIC:            VolumeRemote,
	unix.FUSE_SUPER_MAGIC:      VolumeRemote,
	unix.OVERLAYFS_SUPER_MAGIC: VolumeLayer,
	unix.TMPFS_MAGIC:           VolumeMemory,
}

func volumeOf(dir string) Volume {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return VolumePlain
	}
	return volumes[int64(uint32(st.Type))]
}
