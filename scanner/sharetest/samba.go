package sharetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hirochachacha/go-smb2"

	"letterlock/scanner/realpart"
)

const samba = "Samba: apt-get install samba smbclient samba-vfs-modules"

// Share is a folder that a real smbd serves to anybody on loopback, as the
// share "scans". Files arrive as the user who runs the test.
type Share struct {
	Dir    string // the folder
	port   string
	config string
}

// RecycleBin are the settings that make Samba keep what is deleted, in the
// folder .recycle of the share, as many a guide and every NAS has them.
var RecycleBin = []string{"vfs objects = recycle", "recycle:repository = .recycle", "recycle:keeptree = yes", "recycle:versions = yes"}

// Samba serves dir until the test ends. The settings are further lines of the
// share in smb.conf.
func Samba(t testing.TB, dir string, settings ...string) *Share {
	t.Helper()
	needRoot(t)
	smbd := realpart.Tool(t, "smbd", samba)
	realpart.Tool(t, "smbclient", samba)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &Share{Dir: dir, port: freePort(t)}
	state := t.TempDir()
	s.config = filepath.Join(state, "smb.conf")
	lines := []string{
		"[global]",
		"server role = standalone server",
		"interfaces = 127.0.0.1",
		"bind interfaces only = yes",
		"smb ports = " + s.port,
		"disable netbios = yes",
		"disable spoolss = yes",
		"load printers = no",
		"printcap name = /dev/null",
		"map to guest = Bad User",
		"guest account = nobody",
		// Small pieces, so that an upload can be stopped in its midst.
		"smb2 max write = 65536",
	}
	for _, place := range []string{"private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir"} {
		full := filepath.Join(state, place)
		if err := os.Mkdir(full, 0o755); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, place+" = "+full)
	}
	lines = append(lines, "log file = "+filepath.Join(state, "log"),
		"[scans]", "path = "+dir, "guest ok = yes", "read only = no", "force user = "+me.Username)
	lines = append(lines, settings...)
	if err := os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command(smbd, "--foreground", "--no-process-group", "--configfile="+s.config, "--debug-stdout")).
		ready(t, func() bool { return listening(s.port) })
	// Without a module that the settings name there is no share.
	output, _ := s.client("ls").CombinedOutput()
	realpart.Need(t, !strings.Contains(string(output), "NT_STATUS_BAD_NETWORK_NAME"), samba)
	return s
}

// Do has smbclient carry out commands of its own language, such as
// `rename "a.pdf" "b.pdf"`, in that order.
func (s *Share) Do(t testing.TB, commands ...string) {
	t.Helper()
	output := run(t, s.client(commands...))
	// It exits with 0 whatever became of any but the last command.
	if strings.Contains(output, "NT_STATUS_") {
		t.Fatalf("smbclient: %s", output)
	}
}

// Rename and Delete are what a person does in the share.
func (s *Share) Rename(t testing.TB, from, to string) {
	t.Helper()
	s.Do(t, fmt.Sprintf("rename %q %q", from, to))
}

func (s *Share) Delete(t testing.TB, name string) {
	t.Helper()
	s.Do(t, fmt.Sprintf("rm %q", name))
}

// PutAll copies a folder with all that is in it into a folder of the share.
func (s *Share) PutAll(t testing.TB, local, into string) {
	t.Helper()
	s.Do(t, fmt.Sprintf("cd %q", into), fmt.Sprintf("lcd %q", filepath.Dir(local)),
		"recurse ON", "prompt OFF", fmt.Sprintf("mput %q", filepath.Base(local)))
}

// Begin begins to send a file, in smbclient.
func (s *Share) Begin(t testing.TB, name string) *Upload {
	t.Helper()
	cmd := s.client(fmt.Sprintf("put - %q", name))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	u := &Upload{t: t, to: in, process: cmd}
	cmd.Stdout, cmd.Stderr = &u.said, &u.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Cut)
	return u
}

func (s *Share) client(commands ...string) *exec.Cmd {
	return exec.Command("smbclient", "--configfile="+s.config, "--no-pass", "--port="+s.port,
		"//127.0.0.1/scans", "--command="+strings.Join(commands, "; "))
}

// Connect connects to the share as the kernel of another machine does that
// mounts it, and returns what cuts the connection; the test's end does so too.
//
// It stands for such a mount. The kernel's own needs a module that containers
// and small kernels do not have, and what mounts shares through FUSE writes
// back later than it says.
func (s *Share) Connect(t testing.TB) (share *smb2.Share, cut func()) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
	if err != nil {
		t.Fatal(err)
	}
	cut = func() { _ = conn.Close() }
	t.Cleanup(cut)
	// smbd takes everybody for a guest.
	session, err := (&smb2.Dialer{Initiator: &smb2.NTLMInitiator{User: "guest", Password: "guest"}}).Dial(conn)
	if err != nil {
		t.Fatal(err)
	}
	if share, err = session.Mount(`\\127.0.0.1\scans`); err != nil {
		t.Fatal(err)
	}
	return share, cut
}
