package child

import (
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"letterlock/scanner/realpart"
)

// TestTheFilterKnowsEveryDoor runs the filter on calls that no Go program can
// make: those of another kind of processor, whose numbers mean other things.
func TestTheFilterKnowsEveryDoor(t *testing.T) {
	realpart.Need(t, runtime.GOARCH == "amd64", "an amd64 machine")
	policy, err := allowed(true)
	if err != nil {
		t.Fatal(err)
	}
	program, err := policy.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	const denied, absent, open = uint32(seccomp.ActionErrno) | uint32(unix.EPERM),
		uint32(seccomp.ActionErrno) | uint32(unix.ENOSYS), uint32(seccomp.ActionAllow)
	self := uint64(os.Getpid())
	const x32 = 1 << 30
	for _, c := range []struct {
		name      string
		processor arch.AuditArch
		number    uint32
		arguments [6]uint64
		want      uint32
	}{
		{"read", arch.X86_64.ID, unix.SYS_READ, [6]uint64{}, open},
		{"openat", arch.X86_64.ID, unix.SYS_OPENAT, [6]uint64{}, open},
		{"execve", arch.X86_64.ID, unix.SYS_EXECVE, [6]uint64{}, denied},
		{"a call of tomorrow", arch.X86_64.ID, 999, [6]uint64{}, denied},
		{"clone3", arch.X86_64.ID, unix.SYS_CLONE3, [6]uint64{}, absent},
		{"a new thread", arch.X86_64.ID, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_THREAD}, open},
		{"a new process", arch.X86_64.ID, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM | unix.CLONE_VFORK}, denied},
		{"a new process, by bits that no kernel reads", arch.X86_64.ID, unix.SYS_CLONE, [6]uint64{1 << 48}, denied},
		{"a signal to itself", arch.X86_64.ID, unix.SYS_TGKILL, [6]uint64{self}, open},
		{"a signal to all", arch.X86_64.ID, unix.SYS_KILL, [6]uint64{1<<64 - 1}, denied},
		{"a limit read", arch.X86_64.ID, unix.SYS_PRLIMIT64, [6]uint64{0, 7, 0, 0x7fff0000}, open},
		{"a limit lifted", arch.X86_64.ID, unix.SYS_PRLIMIT64, [6]uint64{0, 7, 0x7fff00000000}, denied},
		{"socket as x32", arch.X86_64.ID, x32 | unix.SYS_SOCKET, [6]uint64{}, absent},
		{"read as x32", arch.X86_64.ID, x32 | unix.SYS_READ, [6]uint64{}, absent},
		{"execve as i386", arch.I386.ID, 11, [6]uint64{}, denied},
		{"socketcall as i386", arch.I386.ID, 102, [6]uint64{}, denied},
		{"open as i386, which is write here", arch.I386.ID, 1, [6]uint64{}, denied},
	} {
		got, err := vm.Run(laidOut(uint32(c.processor), c.number, c.arguments))
		if err != nil {
			t.Fatal(err)
		}
		if uint32(got) != c.want {
			t.Errorf("%s: %#x, not %#x", c.name, got, c.want)
		}
	}
}

// laidOut is a call as the filter reads it, in words of the order of bytes
// that the machine of package bpf reads.
func laidOut(processor, number uint32, arguments [6]uint64) []byte {
	b := binary.BigEndian.AppendUint32(nil, number)
	b = binary.BigEndian.AppendUint32(b, processor)
	b = append(b, make([]byte, 8)...) // the place of the call
	for _, a := range arguments {
		b = binary.BigEndian.AppendUint32(b, uint32(a)) // low before high, as on amd64
		b = binary.BigEndian.AppendUint32(b, uint32(a>>32))
	}
	return b
}
