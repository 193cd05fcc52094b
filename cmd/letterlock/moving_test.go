package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"letterlock/scanner/realpart"
)

// adminBlocks are the commands of ADMIN.md between two of its headings, each block by itself.
func adminBlocks(t *testing.T, from, to string) (blocks [][]string) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "ADMIN.md"), "\n"+from+"\n")
	section, _, ended := strings.Cut(section, "\n"+to+"\n")
	if !found || !ended {
		t.Fatalf("ADMIN.md has nothing between %q and %q", from, to)
	}
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, strings.Split(m[1], "\n"))
	}
	return blocks
}

// The page on moving, typed: to another machine, and there the keyring to a volume of its
// own. Each time every key is there before and after, and none is left where it was.
func TestAMoveLeavesNoKeyBehind(t *testing.T) {
	realpart.Tool(t, "shred", "shred (coreutils)")
	blocks := adminBlocks(t, "### Another machine, or another place for the keyring", "### A second server")
	if len(blocks) != 4 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	first, second, third := newSample(t), filepath.Join(t.TempDir(), "second"), filepath.Join(t.TempDir(), "third")
	_, _ = setUpBackups(t, first)
	for _, dir := range []string{second, third} {
		must(t, os.MkdirAll(dir, 0o700))
	}
	apart, moved := t.TempDir(), t.TempDir()
	keepKeysIn(t, first, filepath.Join(first, "keyring"), apart)
	host, err := os.Hostname()
	must(t, err)
	list := keysListed(t, first)

	old := start(t, first, "", "--sample")
	old.isSetUp()
	typed(t, blocks[0], old, first, "ssh root@letters-2 tar -C /var/lib/letterlock", "tar -C "+second,
		"ssh root@letters-2 tar -C /srv/keyring", "tar -C "+moved, "/var/lib/letterlock", first, "/srv/keyring", apart)
	config := filepath.Join(second, "letterlock.toml") // the other machine has the same paths
	must(t, os.WriteFile(config, []byte(strings.ReplaceAll(read(t, config), apart, moved)), 0o600))
	typed(t, blocks[1], nil, second)
	if got := keysListed(t, second); got != list {
		t.Errorf("there the keys are\n%s\nand were\n%s", got, list)
	}
	started := start(t, second, "", "--sample")
	started.isSetUp()
	typed(t, blocks[2], nil, "", "letters-1", "another-machine", "/var/lib/letterlock", second, "/srv/keyring", moved)
	if got := keysListed(t, second); got != list {
		t.Errorf("typed at the wrong machine, it has left the keys\n%s", got)
	}
	typed(t, blocks[2], nil, "", "letters-1", host, "/var/lib/letterlock", first, "/srv/keyring", apart)
	if left := append(filesIn(first), filesIn(apart)...); len(left) > 0 {
		t.Errorf("at the old machine are still %v", left)
	}
	started.stop()

	// Back to where it lies by itself, and from there to a volume of its own.
	inside := filepath.Join(second, "keyring")
	keepKeysIn(t, second, moved, inside)
	at := start(t, second, "", "--sample")
	at.isSetUp()
	keys := blocks[3]
	typed(t, keys[:3], at, second, "/var/lib/letterlock", second, "/srv/keyring", third)
	must(t, os.WriteFile(config, []byte(strings.ReplaceAll(read(t, config), inside, third)), 0o600))
	typed(t, keys[3:], nil, second, "/var/lib/letterlock", second)
	if got := keysListed(t, second); got != list {
		t.Errorf("on their own volume the keys are\n%s\nand were\n%s", got, list)
	}
	if left := filesIn(inside); len(left) > 0 {
		t.Errorf("in the former folder are still %v", left)
	}
}

// keysListed are the keys, each with whether it is in the keyring.
func keysListed(t *testing.T, data string) string {
	t.Helper()
	list := command(t, data, "key", "list")
	if strings.Contains(list, "false") || !strings.Contains(list, "true") {
		t.Fatalf("the keys are\n%s", list)
	}
	return list
}

// filesIn are the files in a folder and below it.
func filesIn(dir string) (files []string) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files
}

// keepKeysIn moves the keyring and has the configuration say so.
func keepKeysIn(t *testing.T, data, from, to string) {
	t.Helper()
	must(t, os.RemoveAll(to))
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, os.Chmod(to, 0o700))
	must(t, os.RemoveAll(from))
	config := filepath.Join(data, "letterlock.toml")
	text := regexp.MustCompile(`(?m)^#?keyring_folder = .*`).ReplaceAllLiteralString(read(t, config), `keyring_folder = "`+to+`"`)
	must(t, os.WriteFile(config, []byte(text), 0o600))
}

// typed types lines of ADMIN.md, with other words in the place of some. What systemd would
// end, ends; what it would start the test does.
func typed(t *testing.T, lines []string, runs *program, data string, replaced ...string) {
	t.Helper()
	words := strings.NewReplacer(replaced...)
	for _, line := range lines {
		switch program, rest, _ := strings.Cut(line, " "); program {
		case "letterlock":
			if out, err := letterlockCmd(t, data, strings.Fields(rest)...).CombinedOutput(); err != nil && exitCode(err) != exitWrong {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
		case "systemctl":
			if runs != nil {
				runs.stop()
			}
		default:
			out, err := exec.Command("sh", "-c", words.Replace(line)).CombinedOutput()
			if err != nil && program != "test" {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
		}
	}
}

// The line with which ADMIN.md takes a lost key out of a backup, typed: stock age and tar do
// it, for each of the server's own keys.
func TestStockProgramsTakeAKeyOutOfABackup(t *testing.T) {
	realpart.Tool(t, "age", "age 1.3 (filippo.io/age/cmd/age)")
	data, kept, key := backedUp(t)
	command(t, data, "backup")
	blocks := adminBlocks(t, "### The register's signing key", "### The server's other keys")
	line := strings.NewReplacer("/mnt/stick/backup-key.txt", key, "letterlock-20261128T040000Z.tar.age", newestBackup(t, kept)).Replace(blocks[0][0])
	for _, name := range []string{"register.key", "server.key", "codes.key"} {
		into := exec.Command("sh", "-c", strings.ReplaceAll(line, "register.key", name))
		into.Dir = t.TempDir()
		if out, err := into.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		if got := read(t, filepath.Join(into.Dir, "data", "state", name)); got != read(t, filepath.Join(data, "state", name)) {
			t.Errorf("%s comes out of the backup as another", name)
		}
	}
}
