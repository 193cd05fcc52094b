package keyring

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestVolumesAreToldApart(t *testing.T) {
	for dir, want := range map[string]Volume{"/dev/shm": VolumeMemory, "/nowhere": VolumePlain} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err == nil && st.Type != unix.TMPFS_MAGIC {
			continue // a machine whose shared memory is something else
		}
		if got := volumeOf(dir); got != want {
			t.Errorf("%s is %d, want %d", dir, got, want)
		}
	}
	for number, want := range map[uint32]Volume{0x9123683e: VolumeCopies, 0x2fc12fc1: VolumeCopies, 0x6969: VolumeRemote, 0xff534d42: VolumeRemote,
		0xfe534d42: VolumeRemote, 0x794c7630: VolumeLayer, 0xef53: VolumePlain, 0x58465342: VolumePlain} {
		if got := volumes[int64(number)]; got != want {
			t.Errorf("%x is %d, want %d", number, got, want)
		}
	}
}
