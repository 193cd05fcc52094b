package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"letterlock/scanner/realpart"
)

// The units leave a service as little as it needs: systemd's own measure of it
// stays below these numbers, and 10 is everything.
func TestUnitsAreFenced(t *testing.T) {
	analyze := realpart.Tool(t, "systemd-analyze", "systemd-analyze (Debian: systemd)")
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for unit, atMost := range map[string]float64{"letterlock.service": 2, "letterlock-backup.service": 2, "../scanner/letterlock-scanner.service": 3} {
		out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", unit).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", unit, err, out)
		}
		said := level.FindSubmatch(out)
		if said == nil {
			t.Fatalf("%s: no level was said:\n%s", unit, out)
		}
		if n, err := strconv.ParseFloat(string(said[1]), 64); err != nil || n > atMost {
			t.Errorf("%s: exposed by %s, and at most %.1f is taken:\n%s", unit, said[1], atMost, out)
		}
	}
}

// What the units start is what the program understands.
func TestUnitsStartTheProgram(t *testing.T) {
	for _, unit := range []string{"letterlock.service", "letterlock-backup.service"} {
		started := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/letterlock (.+)$`).FindStringSubmatch(read(t, unit))
		if started == nil {
			t.Fatalf("%s starts nothing", unit)
		}
		var c cli
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(started[1])); err != nil {
			t.Errorf("%s: %v", unit, err)
		}
	}
}

// Those who scan share a group with the scanner: they drop scans into the folders
// that it makes, and answer there.
func TestTheScannersUnitLetsItsGroupIn(t *testing.T) {
	said := regexp.MustCompile(`(?m)^UMask=0(\d+)$`).FindStringSubmatch(read(t, "../scanner/letterlock-scanner.service"))
	if said == nil {
		t.Fatal("the unit says no umask")
	}
	umask, err := strconv.ParseInt(said[1], 8, 32)
	if err != nil || umask&0o070 != 0 || umask&0o007 != 0o007 {
		t.Errorf("with the umask %s the folders are not the group's, or are everybody's", said[1])
	}
}

// systemd hears that the server is ready once people can be sent to it, that it
// goes on, and that it ends.
func TestTheServerTellsSystemd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	door, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer func() { _ = door.Close() }()
	heard := make(chan string, 1000) // who tells more than a socket holds would wait for ever
	go func() {
		b := make([]byte, 1024)
		for n, err := door.Read(b); err == nil; n, err = door.Read(b) {
			heard <- string(b[:n])
		}
	}()
	p := &program{t: t, data: newData(t), out: &safeBuffer{}}
	p.cmd = letterlockCmd(t, p.data, "serve", "--listen", "localhost:0")
	p.cmd.Env = append(os.Environ(), "LETTERLOCK_DATA="+p.data, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=300000")
	p.begin()
	said := func() (what string) {
		t.Helper()
		select {
		case what = <-heard:
		case <-time.After(patience):
			t.Fatalf("systemd hears nothing more\n%s", p.out)
		}
		return what
	}
	hears := func(want string) {
		t.Helper()
		if what := said(); what != want {
			t.Fatalf("systemd hears %q, want %q\n%s", what, want, p.out)
		}
	}
	hears("READY=1")
	if !strings.Contains(p.out.String(), "The portal is at") {
		t.Error("ready before the portal is open")
	}
	for range 3 {
		hears("WATCHDOG=1")
	}
	p.stop()
	for said() != "STOPPING=1" {
	}
}
