package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// bootMachine makes a machine out of namespaces: this one's files with a layer in
// memory above them, no network but its own loopback, and a systemd that is the
// first process of it. Nothing of it stays. What it may not touch of the machine
// below, it never starts.
const bootMachine = `
set -e
at="$1"; shift
mount --make-rprivate /
mount -t tmpfs -o mode=755,exec none "$at"
mkdir "$at/upper" "$at/work" "$at/root"
root="$at/root"
mount -t overlay -o "lowerdir=/,upperdir=$at/upper,workdir=$at/work" overlay "$root"
mkdir -p "$root/usr/local/bin" "$root/srv/letterlock/cmd/letterlock" "$root/srv/letterlock/cmd/scanner" "$root/srv/keyring"
cp "$1" "$root/usr/local/bin/letterlock"
cp "$2" "$root/usr/local/bin/scanner"
cp "$3" "$root/usr/local/bin/minio"
cp letterlock*.service letterlock*.timer "$root/srv/letterlock/cmd/letterlock"
cp ../scanner/letterlock-scanner.service "$root/srv/letterlock/cmd/scanner"
cp "$4" "$root/srv/scan.tif"
mkdir -p "$root/var/lib/letterlock/state"
cp -r "$5" "$root/var/lib/letterlock/state/cache"
cp -r "$5" "$root/srv/cache"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=1777 none "$root/tmp"
mount --rbind /dev "$root/dev"
cd "$root"
mkdir -p mnt/.below etc/systemd/system
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
	systemd-timesyncd.service systemd-modules-load.service systemd-sysctl.service systemd-random-seed.service; do
	ln -sf /dev/null "etc/systemd/system/$unit"
done
od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >etc/machine-id
pivot_root . mnt/.below
umount -l mnt/.below
rmdir mnt/.below
exec env -i container=namespaces PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=basic.target --log-target=null
`

// machine is one with a systemd of its own.
type machine struct {
	*testing.T
	init int // its first process, as numbered here
}

func boot(t *testing.T) *machine {
	t.Helper()
	unshare := realpart.Tool(t, "unshare", "unshare (Debian: util-linux)")
	realpart.Need(t, os.Geteuid() == 0, "the right to make namespaces: run as root")
	_, err := os.Stat("/lib/systemd/systemd")
	realpart.Need(t, err == nil, "systemd")
	cache, err := compiled()
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	scan := filepath.Join(t.TempDir(), "scan.tif")
	must(t, os.WriteFile(scan, specimen.New(41, 2).G4TIFF(), 0o600))
	out := &safeBuffer{}
	cmd := exec.Command(unshare, "--kill-child", "--fork", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net",
		"sh", "-c", bootMachine, "sh", t.TempDir(), self, buildScanner(t), deposittest.Program(t), scan, cache)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	m := &machine{T: t}
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		pid := strconv.Itoa(cmd.Process.Pid)
		child, _ := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
		m.init, _ = strconv.Atoi(strings.TrimSpace(string(child)))
		if m.init != 0 {
			if _, err := m.try("", "systemctl is-active --quiet basic.target"); err == nil {
				return m
			}
		}
		if time.Now().After(end) {
			t.Fatalf("no systemd came up:\n%s", out)
		}
	}
}

// try has a shell in the machine run a line, as an administrator types it: programs
// of Letterlock run under the account that ADMIN.md gives them.
func (m *machine) try(input, line string) (said string, err error) {
	const prelude = `cd /srv/letterlock
letterlock() { runuser -u letterlock -- env LETTERLOCK_DATA=/var/lib/letterlock letterlock "$@"; }
scanner() { runuser -u letterlock-scanner -- scanner "$@"; }
`
	cmd := exec.Command("nsenter", "--target", strconv.Itoa(m.init), "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd",
		"env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", "bash", "-c", prelude+line)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *machine) runs(input, line string) string {
	m.Helper()
	said, err := m.try(input, line)
	if err != nil {
		journal, _ := m.try("", "journalctl -u 'letterlock*' -n 30")
		m.Fatalf("%s ended with %v and said:\n%s\nThe journal:\n%s", line, err, said, journal)
	}
	return said
}

func (m *machine) eventually(line, says string) string {
	m.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(250 * time.Millisecond) {
		said, err := m.try("", line)
		if err == nil && strings.Contains(said, says) {
			return said
		}
		if time.Now().After(end) {
			journal, _ := m.try("", "journalctl -u 'letterlock*' -n 30")
			m.Fatalf("%s never says %q, but (%v):\n%s\nThe journal:\n%s", line, says, err, said, journal)
		}
	}
}

// The section "A server in an hour", line by line, on a machine with a real systemd,
// an S3 server, and the two programs under accounts of their own. One letter goes
// through; what reads it is fenced in under the units too; a server that is killed
// comes back.
func TestAServerInAnHour(t *testing.T) {
	m := boot(t)
	m.runs("", "systemd-run --quiet --unit=storage -E MINIO_ROOT_USER=root -E MINIO_ROOT_PASSWORD=the-root-of-it minio server --quiet --address 127.0.0.1:9000 /srv/storage")
	m.runs("", "mkdir -p /mnt/stick /mnt/ann /mnt/bob /mnt/cat && chmod 777 /mnt/*") // sticks, which anybody may write to
	m.runs("root\nthe-root-of-it\n", "cat >/mnt/stick/storage-admin")
	_, section, _ := strings.Cut(read(t, "ADMIN.md"), "\n## A server in an hour\n")
	section, _, _ = strings.Cut(section, "\n## ")
	code := ""
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			switch words := strings.Fields(line); {
			case len(words) == 0:
				continue
			case words[0] == "go":
				continue // they are there
			case words[0] == "journalctl":
				m.eventually(line, "First sign-in")
				continue
			case strings.HasPrefix(line, "scanner enrol"):
				m.runs(code+"\n", line)
				m.runs("", "install -d -o letterlock-scanner -m 700 /var/lib/letterlock-scanner/state && cp -r /srv/cache /var/lib/letterlock-scanner/state && chown -R letterlock-scanner: /var/lib/letterlock-scanner/state")
				continue
			case strings.HasPrefix(line, "letterlock check") && words[len(words)-1] == "check":
				// A policy of one's own and a mail server are not there, and nobody has enrolled.
				said, _ := m.try("", line)
				if left := toSeeTo(said); !slices.Equal(left, []string{"mail", "people", "policy"}) {
					t.Errorf("after all of it somebody has to see to %v; check says:\n%s", left, said)
				}
				continue
			}
			said := m.runs("", line)
			switch {
			case strings.HasSuffix(line, " /var/lib/letterlock"):
				m.runs("", "chown -R letterlock:letterlock /var/lib/letterlock") // the compiled renderer, put there before
			case strings.HasSuffix(line, "setup --settings"):
				m.runs("", `cd /var/lib/letterlock && install -o letterlock -m 600 /dev/null storage.key && echo the-root-of-it >storage.key
sed -i -e 's|^#keyring_folder = .*|keyring_folder = "/srv/keyring"|' \
	-e 's|^#\[storage\]|[storage]\nendpoint = "http://127.0.0.1:9000"\nbucket = "letters"\naccess_key = "root"\nsecret_key_file = "storage.key"|' \
	-e 's|"respect-phoneline"|"advice"|' letterlock.toml
sed -i -z 's|\[\[helpline\]\]\nname = "mens-advice-line"\ntitle = "[^"]*"\n||' letterlock.toml
install -d -o letterlock -g letterlock -m 700 /srv/keyring`)
			case strings.HasPrefix(line, "letterlock key backup"):
				recipients := regexp.MustCompile(`(?m)^recipients = .*`).FindString(said)
				m.runs(`folder = "/mnt/backup"`+"\n"+recipients+"\n", `cat >/tmp/backup.toml && sed -i '/^\[backup\]/r /tmp/backup.toml' /var/lib/letterlock/letterlock.toml`)
			case strings.HasPrefix(line, "letterlock edge invite"):
				code = regexp.MustCompile(`Code +(\S+)`).FindStringSubmatch(said)[1]
			}
		}
	}

	m.runs("", "install -o letterlock-scanner -m 660 /srv/scan.tif /srv/scans/advice/anna.tif")
	m.eventually("letterlock status", "letters notified                         1")
	if left := m.eventually("ls -R /srv/scans/advice", "taken:"); strings.Contains(left, "anna") {
		t.Errorf("the scan is still there:\n%s", left)
	}
	if said := m.runs("", "scanner check --config /var/lib/letterlock-scanner/scanner.toml"); !regexp.MustCompile(`(?m)^ok +confinement`).MatchString(said) {
		t.Errorf("what looks at scans is not fenced in:\n%s", said)
	}
	if journal := m.runs("", "journalctl -u 'letterlock*'"); strings.Contains(journal, "confined") || strings.Contains(journal, "ERROR") {
		t.Errorf("under the units something is refused:\n%s", journal)
	}
	if own := m.runs("", "cat /var/lib/letterlock/storage.key"); !strings.HasPrefix(own, "letterlock-server\n") {
		t.Error("the server is no user of its own at the storage")
	}
	m.runs("", "systemctl start letterlock-backup.service")
	if made := m.runs("", "ls /mnt/backup"); strings.Count(made, ".tar.age") < 2 {
		t.Errorf("the unit makes no backup: %s", made)
	}

	first := m.runs("", "systemctl show --property MainPID --value letterlock.service")
	m.runs("", "systemctl kill --signal KILL --kill-whom main letterlock.service")
	m.eventually("systemctl show --property NRestarts,ActiveState letterlock.service", "NRestarts=1\nActiveState=active")
	if again := m.runs("", "systemctl show --property MainPID --value letterlock.service"); again == first {
		t.Error("the killed server was not started anew")
	}
	m.runs("", "systemctl stop letterlock.service letterlock-scanner.service")
}
