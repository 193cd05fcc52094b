package keyring

// Volume is what a file system does to an overwrite, as far as that can be told
// from its kind.
type Volume int

const (
	// VolumePlain writes in place, as ext4 and XFS do, or is of a kind that is
	// not known here. What lies below it (the blocks an SSD has set aside, the
	// snapshots of a volume manager or a virtual disk) cannot be seen.
	VolumePlain Volume = iota
	// VolumeCopies writes elsewhere and keeps the old blocks for a while, or for
	// as long as a snapshot holds them: btrfs, ZFS, bcachefs, F2FS, NILFS.
	VolumeCopies
	// VolumeRemote is another machine's, whose snapshots and backups cannot be
	// seen from here: NFS, SMB and the like.
	VolumeRemote
	// VolumeLayer is a container's own layer, which goes with the container.
	VolumeLayer
	// VolumeMemory is gone at the next start: tmpfs.
	VolumeMemory
)

// Volume says what the file system of the keyring's folder does to an overwrite.
func (k *Keyring) Volume() Volume { return volumeOf(k.dir) }
