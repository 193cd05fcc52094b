package sharetest

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/realpart"
)

const (
	vsftpd = "vsftpd: apt-get install vsftpd"
	lftp   = "lftp: apt-get install lftp"
)

// Upspace is a folder into which a real vsftpd takes uploads from anybody on
// loopback, as scanners send them. Files belong to the server's user "ftp".
type Upspace struct {
	Dir  string // the folder; not writable to that user itself, as vsftpd demands
	port string
}

// FTP serves dir until the test ends. Folders in it that are to take uploads
// must be writable to everybody. The settings are further lines of vsftpd.conf.
func FTP(t testing.TB, dir string, settings ...string) *Upspace {
	t.Helper()
	needRoot(t)
	program := realpart.Tool(t, "vsftpd", vsftpd)
	for _, d := range []string{filepath.Dir(dir), dir} { // or its user could not come here
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := &Upspace{Dir: dir, port: freePort(t)}
	state := t.TempDir()
	empty := filepath.Join(state, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	lines := append([]string{
		"listen=YES",
		"listen_ipv6=NO",
		"listen_address=127.0.0.1",
		"listen_port=" + f.port,
		"background=NO",
		"anonymous_enable=YES",
		"no_anon_password=YES",
		"anon_root=" + dir,
		"write_enable=YES",
		"anon_upload_enable=YES",
		"anon_mkdir_write_enable=YES",
		"anon_other_write_enable=YES",
		"anon_umask=022",
		"secure_chroot_dir=" + empty,
		"xferlog_enable=NO",
		"seccomp_sandbox=NO", // its list of calls is older than the kernels of today
	}, settings...)
	config := filepath.Join(state, "vsftpd.conf")
	if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, config)
	// vsftpd says why it ended on its standard input.
	complaint, err := os.Create(filepath.Join(state, "complaint"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = complaint
	t.Cleanup(func() {
		_ = complaint.Close()
		if said, err := os.ReadFile(complaint.Name()); t.Failed() && err == nil && len(said) > 0 {
			t.Logf("vsftpd: %s", said)
		}
	})
	start(t, cmd).ready(t, func() bool { return listening(f.port) })
	return f
}

// Begin begins to send a file.
func (f *Upspace) Begin(t testing.TB, name string) *Upload {
	t.Helper()
	return f.begin(t, "STOR "+name)
}

// BeginUnique begins to send a file for which the server finds a name that is
// free, beginning with that one.
func (f *Upspace) BeginUnique(t testing.TB, name string) *Upload {
	t.Helper()
	return f.begin(t, "STOU "+name)
}

func (f *Upspace) begin(t testing.TB, command string) *Upload {
	t.Helper()
	s := f.login(t)
	data, err := net.Dial("tcp", "127.0.0.1:"+s.passive())
	if err != nil {
		t.Fatal(err)
	}
	s.expect(1, command)
	// The end of this connection is the end of the file: the server cannot tell
	// a client that died from one that was done.
	u := &Upload{t: t, to: data}
	u.replied = func() error {
		_, _, err := s.conn.ReadResponse(2)
		return errors.Join(err, s.conn.Close())
	}
	t.Cleanup(u.Cut)
	return u
}

// Rename and Delete are what a client may do after an upload.
func (f *Upspace) Rename(t testing.TB, from, to string) {
	t.Helper()
	s := f.login(t)
	s.expect(3, "RNFR "+from)
	s.expect(2, "RNTO "+to)
}

func (f *Upspace) Delete(t testing.TB, name string) {
	t.Helper()
	f.login(t).expect(2, "DELE "+name)
}

// PutAll copies a folder with all that is in it into a folder of the upspace,
// as lftp does: several files at once, each under a hidden name until it is whole.
func (f *Upspace) PutAll(t testing.TB, local, into string) {
	t.Helper()
	program := realpart.Tool(t, "lftp", lftp)
	run(t, exec.Command(program, "--norc", "-c", strings.Join([]string{
		"set net:max-retries 1", "set net:timeout 20", "set xfer:use-temp-file yes",
		"set cmd:fail-exit yes", "set ftp:ssl-allow no",
		"open -u anonymous, ftp://127.0.0.1:" + f.port,
		fmt.Sprintf("mirror --reverse --parallel=4 %q %q", local, into+"/"+filepath.Base(local)),
	}, "; ")))
}

// session is a connection to the server.
type session struct {
	t    testing.TB
	conn *textproto.Conn
}

func (f *Upspace) login(t testing.TB) *session {
	t.Helper()
	conn, err := textproto.Dial("tcp", "127.0.0.1:"+f.port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &session{t, conn}
	if _, _, err := conn.ReadResponse(2); err != nil {
		t.Fatal(err)
	}
	s.expect(2, "USER anonymous")
	s.expect(2, "TYPE I")
	return s
}

// expect sends a command and demands an answer of that class.
func (s *session) expect(class int, command string) string {
	s.t.Helper()
	if _, err := s.conn.Cmd("%s", command); err != nil {
		s.t.Fatal(err)
	}
	_, answer, err := s.conn.ReadResponse(class)
	if err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
	return answer
}

// passive is the port for the next file.
func (s *session) passive() string {
	s.t.Helper()
	answer := s.expect(2, "EPSV") // Entering Extended Passive Mode (|||34567|)
	parts := strings.Split(answer, "|")
	if len(parts) != 5 {
		s.t.Fatalf("EPSV: %s", answer)
	}
	return parts[3]
}
