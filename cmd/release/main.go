// Release makes what people download of one version: for each platform an
// archive with both programs, their manual pages, completions, units and pages,
// a list of what is in it (SBOM), and the checksums of all of it.
//
//	git tag v1.4.0 && go run ./cmd/release v1.4.0
//
// Whoever has the same source and the same version of Go gets the same bytes,
// in whichever folder: that is how they can see that nobody put anything else
// in. So it builds from a clone of the tag and not from a working folder,
// without cgo, and every time in an archive is that of the commit. It is a plain
// program because goreleaser would bring some four hundred modules to the one
// place where nothing foreign should be.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/mod/semver"

	"letterlock/cmd/commandline"
)

type cli struct {
	Version   string   `arg:"" help:"The version, which is a tag of the repository, as in v1.4.0."`
	Out       string   `help:"Where everything goes: a folder that is not there yet." default:"dist" type:"path" placeholder:"DIR"`
	Repo      string   `help:"The repository." default:"." type:"path" placeholder:"DIR"`
	Platforms []string `help:"For which machines." default:"linux/amd64,linux/arm64,windows/amd64,darwin/amd64,darwin/arm64" placeholder:"OS/ARCH"`
	Programs  []string `hidden:"" default:"letterlock,scanner"`
	Sign      string   `help:"A command that signs: it is run with the file of checksums as its last argument, as in \"ssh-keygen -Y sign -n file -f key\"." placeholder:"COMMAND"`
}

func main() {
	var c cli
	kong.Parse(&c, commandline.Option("release"), kong.Description("Makes a release."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.make(ctx, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "release: %s\n", err)
		os.Exit(1)
	}
}

// source is a clone of the tag.
type source struct {
	dir      string
	version  string
	at       time.Time // of the commit
	programs []string
}

// make writes the whole release, or removes what it has begun. Where only the signing
// fails, all stays: it took minutes, and whoever signs can do so again.
func (c *cli) make(ctx context.Context, says io.Writer) (err error) {
	if err := os.Mkdir(c.Out, 0o755); err != nil {
		return fmt.Errorf("the folder for the release cannot be made: %w", err)
	}
	work, err := os.MkdirTemp("", "letterlock-release-*")
	defer func() {
		_ = os.RemoveAll(work)
		if _, unsigned := errors.AsType[*unsignedError](err); err != nil && !unsigned {
			_ = os.RemoveAll(c.Out)
		}
	}()
	if err != nil {
		return err
	}
	src, err := checkOut(ctx, c.Repo, c.Version, filepath.Join(work, "source"))
	if err != nil {
		return err
	}
	src.programs = c.Programs
	texts, err := src.texts(ctx, filepath.Join(work, "here"))
	if err != nil {
		return err
	}
	for _, platform := range c.Platforms {
		if err := c.platform(ctx, src, platform, filepath.Join(work, "programs"), texts); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		fmt.Fprintf(says, "%s is made.\n", platform)
	}
	sums, err := checksums(c.Out)
	if err != nil {
		return err
	}
	if c.Sign != "" {
		// In the folder in which the command was written: its key may lie there.
		if _, err := output(ctx, "", nil, "sh", "-c", c.Sign+` "$0"`, sums); err != nil {
			return &unsignedError{sums, err}
		}
	}
	_, err = fmt.Fprintf(says, "%s is in %s.\n", c.Version, c.Out)
	return err
}

// unsignedError says that a release is whole but for its signature.
type unsignedError struct {
	sums string
	err  error
}

func (e *unsignedError) Error() string {
	return fmt.Sprintf("everything is made, and not signed: sign %s yourself, or remove its folder and run this again. What the signing command said: %v", e.sums, e.err)
}

func (e *unsignedError) Unwrap() error { return e.err }

// platform writes the archive and the SBOM of one.
func (c *cli) platform(ctx context.Context, src source, platform, programs string, texts []file) error {
	goos, goarch, ok := strings.Cut(platform, "/")
	if !ok {
		return errors.New("a platform is written as linux/amd64")
	}
	built, err := src.build(ctx, programs, goos, goarch)
	if err != nil {
		return err
	}
	pages, err := src.pages(goos)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("letterlock-%s-%s-%s", src.version, goos, goarch)
	if err := writeBOM(filepath.Join(c.Out, name+".cdx.json"), name, src, built); err != nil {
		return err
	}
	all := append(append(built, texts...), pages...)
	if goos == "windows" {
		return writeZip(filepath.Join(c.Out, name+".zip"), name, src.at, all)
	}
	return writeTar(filepath.Join(c.Out, name+".tar.gz"), name, src.at, all)
}

// checkOut clones the tag of that version.
func checkOut(ctx context.Context, repo, version, dir string) (source, error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return source{}, fmt.Errorf("%q is no version; it is written as v1.4.0", version)
	}
	if major := semver.Major(version); major != "v0" && major != "v1" {
		return source{}, fmt.Errorf("%s: Go knows %s only of a module whose name in go.mod ends in /%[2]s", version, major)
	}
	if _, err := output(ctx, repo, nil, "git", "rev-parse", "--quiet", "--verify", "refs/tags/"+version+"^{commit}"); err != nil {
		return source{}, fmt.Errorf("there is no tag %s: make it first, with git tag", version)
	}
	if _, err := output(ctx, repo, nil, "git", "clone", "--quiet", "--branch", version, ".", dir); err != nil {
		return source{}, fmt.Errorf("cloning: %w", err)
	}
	if err := keptBefore(ctx, dir, version); err != nil {
		return source{}, err
	}
	at, err := output(ctx, dir, nil, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return source{}, fmt.Errorf("finding the commit's time: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(at)), 10, 64)
	return source{dir: dir, version: version, at: time.Unix(seconds, 0).UTC()}, err
}

// kept is where a data folder of each released version lies, which tests have later
// versions take.
const kept = "cmd/letterlock/testdata/kept"

// keptBefore refuses a version while a data folder is missing of one that was released
// before it: nobody would know whether it takes the folders that people have.
func keptBefore(ctx context.Context, dir, version string) error {
	tags, err := output(ctx, dir, nil, "git", "tag", "--list", "v*", "--merged", "HEAD")
	if err != nil {
		return fmt.Errorf("listing the versions before: %w", err)
	}
	for _, before := range strings.Fields(string(tags)) {
		if !semver.IsValid(before) || semver.Compare(before, version) >= 0 {
			continue
		}
		if !everyFile(filepath.Join(dir, filepath.FromSlash(kept)), before+".tar.gz", before+".ndjson", filepath.Join("scanner", before+".tar.gz")) {
			return fmt.Errorf("of %s no data folder is kept, so no test has seen that %s takes one: make %[3]s/%[1]s.tar.gz and .ndjson, and a scanner's folder, scanner/%[1]s.tar.gz, with that version, as kept_test.go says, and commit them first", before, version, kept)
		}
	}
	return nil
}

func everyFile(dir string, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err != nil
	})
}

// build makes the programs for a platform.
func (s source) build(ctx context.Context, into, goos, goarch string) ([]file, error) {
	dir := filepath.Join(into, goos+"-"+goarch)
	// What is set here is what a build would otherwise take from the machine.
	env := []string{"CGO_ENABLED=0", "GOOS=" + goos, "GOARCH=" + goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off"}
	args := []string{"build", "-trimpath", "-buildvcs=true", "-mod=readonly", "-ldflags=-s -w -buildid=", "-o", dir + string(filepath.Separator)}
	for _, p := range s.programs {
		args = append(args, "./cmd/"+p)
	}
	if _, err := output(ctx, s.dir, env, "go", args...); err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	return in(dir, func(name string) file {
		return file{name: "bin/" + name, path: filepath.Join(dir, name), program: true} // scanner is a folder of pages too
	})
}

// output runs a command; what it says when it fails is the error.
func output(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%s: %w\n%s", name, err, failed.Stderr)
	}
	return out, err
}
