package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/realpart"
)

// A scanner's folder of an earlier version is taken as it is: with its configuration, its
// keys and its memory a scanner begins to work, and says so in the scanner folder. The
// store is away, as it may be. One is kept for each release, in testdata/kept/scanner:
// what 'letterlock setup --edge' had made, after a scan was taken, without state/cache.
func TestScannersOfEarlierVersionsAreTaken(t *testing.T) {
	packed, err := filepath.Glob("testdata/kept/scanner/*.tar.gz")
	must(t, err)
	if len(packed) == 0 {
		t.Fatal("none is kept")
	}
	for _, archive := range packed {
		t.Run(filepath.Base(archive), func(t *testing.T) {
			root := t.TempDir()
			o := &apart{t: t, edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans"), binary: buildScanner(t)}
			must(t, os.Mkdir(o.edge, 0o700))
			if out, err := exec.Command("tar", "-C", o.edge, "-xzf", archive).CombinedOutput(); err != nil {
				t.Fatalf("tar: %v\n%s", err, out)
			}
			config := filepath.Join(o.edge, "scanner.toml")
			text := strings.NewReplacer("/srv/scans", o.scans, "127.0.0.1:19777", realpart.Address(t)).Replace(read(t, config))
			must(t, os.WriteFile(config, []byte(text), 0o600))
			cache, err := compiled()
			must(t, err)
			must(t, os.CopyFS(filepath.Join(o.edge, "state", "cache"), os.DirFS(cache)))
			p := o.scan("")
			p.eventually("the scanner is at work", func() bool { return exists(filepath.Join(o.scans, "respect-phoneline", "STATUS.txt")) })
			if out, err := o.scanner("check").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "LOOK  store") || !strings.Contains(string(out), "can be read by its account alone") {
				t.Errorf("scanner check: %v\n%s", err, out)
			}
			p.stop()
		})
	}
}
