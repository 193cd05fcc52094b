package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/alecthomas/kong"

	"letterlock/cmd/commandline"
	"letterlock/scanner/realpart"
)

var (
	apart = flag.Bool("apart", false, "build the second release with nothing of the first: minutes instead of seconds")
	whole = flag.Bool("whole", false, "release both programs for every platform, and not the scanner for this one alone")
)

const version = "v1.9.9"

// tagged is a clone of this repository with a tag, in a folder of its own.
func tagged(t *testing.T, name string) string {
	t.Helper()
	git := realpart.Tool(t, "git", "git")
	// A checkout may belong to another user than the one who tests it.
	settings := filepath.Join(t.TempDir(), "gitconfig")
	must(t, os.WriteFile(settings, []byte("[safe]\n\tdirectory = *\n"), 0o600))
	t.Setenv("GIT_CONFIG_GLOBAL", settings)
	dir := filepath.Join(t.TempDir(), name)
	for _, args := range [][]string{{"clone", "--quiet", "../..", dir}, {"-C", dir, "tag", version}} {
		if out, err := exec.Command(git, args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func programs() []string {
	if *whole {
		return []string{"letterlock", "scanner"}
	}
	return []string{"scanner"}
}

// signs makes a key where the README's signing command looks for it, and goes there.
func signs(t *testing.T) (command string) {
	t.Helper()
	_, command = readmesCommand(t)
	t.Chdir(t.TempDir())
	if out, err := exec.Command(realpart.Tool(t, "ssh-keygen", "ssh-keygen (Debian: openssh-client)"), "-q", "-t", "ed25519", "-N", "", "-f", "release-key").CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return command
}

// readmesVerifying is how the README has a signature verified.
const readmesVerifying = "ssh-keygen -Y verify -f signers -I release -n file -s SHA256SUMS.sig < SHA256SUMS"

// readmesCommand is how the README has a release made: the version, and what signs.
func readmesCommand(t *testing.T) (version, sign string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^go run \./cmd/release (\S+) --sign "([^"]+)"$`).FindStringSubmatch(string(read(t, "../../README.md")))
	if line == nil {
		t.Fatal("the README has no command for a release")
	}
	return line[1], line[2]
}

func released(t *testing.T, repo, sign string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	c := cli{Version: version, Out: out, Repo: repo, Platforms: []string{runtime.GOOS + "/" + runtime.GOARCH},
		Programs: programs(), Sign: sign}
	if *whole {
		c.Platforms = []string{"linux/amd64", "linux/arm64", "windows/amd64", "darwin/amd64", "darwin/arm64"}
	}
	if err := c.make(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	return out
}

// Two people who release the same tag in folders of their own have the same
// bytes, and all that belongs to it.
func TestTwoReleasesAreEqual(t *testing.T) {
	repos := []string{tagged(t, "here"), tagged(t, "somewhere else")}
	sign := signs(t)
	one := released(t, repos[0], sign)
	if *apart {
		t.Setenv("GOCACHE", t.TempDir())
	}
	two := released(t, repos[1], sign)
	count := 0
	must(t, fs.WalkDir(os.DirFS(one), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		count++
		if !bytes.Equal(read(t, filepath.Join(one, name)), read(t, filepath.Join(two, name))) {
			t.Errorf("%s is not the same", name)
		}
		return nil
	}))
	if want := map[bool]int{false: 4, true: 12}[*whole]; count != want {
		t.Errorf("%d files, want %d: archives, SBOMs, checksums and what the signing command has left", count, want)
	}
	holds(t, one)
}

// holds looks into a release: the checksums, the programs, what they are made of.
func holds(t *testing.T, dir string) {
	t.Helper()
	check := exec.Command(realpart.Tool(t, "sha256sum", "sha256sum (Debian: coreutils)"), "--check", "--strict", "SHA256SUMS")
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	must(t, os.WriteFile("signers", append([]byte("release "), read(t, "release-key.pub")...), 0o600))
	signed := exec.Command("sh", "-c", strings.ReplaceAll(readmesVerifying, "SHA256SUMS", `"$0"/SHA256SUMS`), dir)
	if out, err := signed.CombinedOutput(); err != nil {
		t.Errorf("the signature: %v\n%s", err, out)
	}
	name := "letterlock-" + version + "-" + runtime.GOOS + "-" + runtime.GOARCH
	into := t.TempDir()
	unpack(t, filepath.Join(dir, name+".tar.gz"), into)
	for _, want := range []string{"LICENSE", "README.md", "scanner/README.md", ".github/letter-page.png", "cmd/letterlock/ADMIN.md", "cmd/letterlock/letterlock.service", "cmd/scanner/letterlock-scanner.service",
		"man/man1/scanner.1", "completion/bash/scanner", "completion/zsh/_scanner", "completion/fish/scanner.fish"} {
		if len(read(t, filepath.Join(into, name, want))) == 0 {
			t.Errorf("%s is empty", want)
		}
	}
	var bom cdx.BOM
	must(t, json.Unmarshal(read(t, filepath.Join(dir, name+".cdx.json")), &bom))
	listed := map[string]bool{}
	for _, c := range *bom.Components {
		listed[c.Name+"@"+c.Version] = true
	}
	for _, program := range programs() {
		at := filepath.Join(into, name, "bin", program)
		out, err := exec.Command(at, "--version").Output()
		if err != nil || strings.TrimSpace(string(out)) != version+" "+runtime.Version() {
			t.Errorf("%s says that it is %q, %v", program, out, err)
		}
		info, err := buildinfo.ReadFile(at)
		must(t, err)
		for _, m := range info.Deps {
			if !listed[m.Path+"@"+m.Version] {
				t.Errorf("the SBOM does not list %s %s", m.Path, m.Version)
			}
		}
	}
	if len(listed) < 20 {
		t.Errorf("the SBOM lists %v", listed)
	}
}

// unpack takes an archive apart, and holds it to be of one moment and of nobody.
func unpack(t *testing.T, archive, into string) {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(read(t, archive)))
	must(t, err)
	before := ""
	var moment time.Time
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(t, err)
		if moment.IsZero() {
			moment = h.ModTime
		}
		if h.Name <= before || !h.ModTime.Equal(moment) || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s is out of order, or of another moment, or of somebody: %+v", h.Name, h)
		}
		before = h.Name
		content, err := io.ReadAll(r)
		must(t, err)
		at := filepath.Join(into, filepath.FromSlash(h.Name))
		must(t, errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, content, h.FileInfo().Mode())))
	}
}

// A zip is written with the same care.
func TestAZipIsTheSameEveryTime(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "b.exe"), []byte("program"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o600))
	files := []file{{"b.exe", filepath.Join(dir, "b.exe"), true}, {"a", filepath.Join(dir, "a"), false}}
	at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	must(t, writeZip(filepath.Join(dir, "1.zip"), "x", at, files))
	must(t, os.Chtimes(filepath.Join(dir, "a"), at.Add(time.Hour), at.Add(time.Hour)))
	must(t, writeZip(filepath.Join(dir, "2.zip"), "x", at, []file{files[1], files[0]}))
	if !bytes.Equal(read(t, filepath.Join(dir, "1.zip")), read(t, filepath.Join(dir, "2.zip"))) {
		t.Error("two zips of the same files differ")
	}
	z, err := zip.OpenReader(filepath.Join(dir, "1.zip"))
	must(t, err)
	defer func() { _ = z.Close() }()
	if len(z.File) != 2 || z.File[0].Name != path.Join("x", "a") || z.File[1].Mode() != 0o755 || !z.File[1].Modified.Equal(at) {
		t.Errorf("the zip holds %+v", z.File)
	}
}

// What cannot be released is refused in a sentence, and nothing is left.
func TestWhatCannotBeReleased(t *testing.T) {
	repo := tagged(t, "here")
	for _, c := range []struct{ version, platform, want string }{
		{"1.9.9", "linux/amd64", "is no version"},
		{"v1.9", "linux/amd64", "is no version"},
		{"v8.0.0", "linux/amd64", "ends in /v8"},
		{"v1.0.0", "linux/amd64", "there is no tag v1.0.0"},
	} {
		out := filepath.Join(t.TempDir(), "dist")
		err := (&cli{Version: c.version, Out: out, Repo: repo, Platforms: []string{c.platform}}).make(t.Context(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.version, c.platform, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was left", c.version)
		}
	}
}

// A version is released only once a data folder of the one before it is kept.
func TestTheVersionBeforeIsKept(t *testing.T) {
	repo := tagged(t, "here")
	git := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("git", append([]string{"-C", repo, "-c", "user.name=t", "-c", "user.email=t@localhost"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("tag", "v1.8.0")
	if err := keptBefore(t.Context(), repo, version); err == nil || !strings.Contains(err.Error(), "of v1.8.0 no data folder is kept") {
		t.Errorf("without one: %v", err)
	}
	if _, err := checkOut(t.Context(), repo, version, filepath.Join(t.TempDir(), "source")); err == nil || !strings.Contains(err.Error(), "of v1.8.0") {
		t.Errorf("the release is not refused: %v", err)
	}
	must(t, os.MkdirAll(filepath.Join(repo, kept, "scanner"), 0o700))
	for _, name := range []string{"v1.8.0.tar.gz", "v1.8.0.ndjson", "scanner/v1.8.0.tar.gz"} {
		if err := keptBefore(t.Context(), repo, version); err == nil {
			t.Errorf("without %s it is released", name)
		}
		must(t, os.WriteFile(filepath.Join(repo, kept, name), nil, 0o600))
	}
	git("add", "--all")
	git("commit", "--quiet", "--message", "kept")
	if err := keptBefore(t.Context(), repo, version); err != nil {
		t.Error(err)
	}
	if err := keptBefore(t.Context(), repo, "v1.7.0"); err != nil {
		t.Errorf("of an older line: %v", err)
	}
}

// The README's command is understood.
func TestReadmesCommandIsUnderstood(t *testing.T) {
	version, sign := readmesCommand(t)
	if !strings.Contains(string(read(t, "../../README.md")), "`"+readmesVerifying+"`") {
		t.Error("the README does not say how a signature is verified")
	}
	var c cli
	k, err := kong.New(&c, commandline.Option("release"))
	must(t, err)
	if _, err := k.Parse([]string{version, "--sign", sign}); err != nil || len(c.Platforms) != 5 || len(c.Programs) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}
