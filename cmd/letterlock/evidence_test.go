package main

import (
	"archive/zip"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// visits is a person at a sample's portal, whose address listens has found:
// visits NUMBER PATH [FORM [FILE]]. With a form, which may be -, it is sent; what
// comes back goes into the file. {FILE} in the path is what stands in that file.
func visits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: visits NUMBER PATH [FORM [FILE]]")
	}
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar, Timeout: patience}
	origin := ts.Getenv("PORTAL")
	sends := func(path string, form url.Values) *http.Response {
		req, err := http.NewRequest(http.MethodPost, origin+path, strings.NewReader(form.Encode()))
		ts.Check(err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin)
		res, err := client.Do(req)
		ts.Check(err)
		return res
	}
	ts.Check(sends("/sample", url.Values{"person": {args[0]}}).Body.Close())
	path := regexp.MustCompile(`\{(.+?)\}`).ReplaceAllStringFunc(args[1], func(name string) string {
		return strings.TrimSpace(ts.ReadFile(strings.Trim(name, "{}")))
	})
	var res *http.Response
	if len(args) == 2 {
		res, err = client.Get(origin + path)
		ts.Check(err)
	} else {
		form, err := url.ParseQuery(strings.Trim(args[2], "-"))
		ts.Check(err)
		res = sends(path, form)
		if sign := res.Request.URL.Path; strings.HasPrefix(sign, "/desk/sign/") { // where the witness signs
			ts.Check(res.Body.Close())
			res = sends(sign, form)
		}
	}
	if _, pack, making := strings.Cut(res.Header.Get("Refresh"), "url="); making {
		ts.Check(res.Body.Close())
		res, err = client.Get(origin + pack)
		ts.Check(err)
	}
	body, err := io.ReadAll(res.Body)
	ts.Check(errors.Join(err, res.Body.Close()))
	if res.StatusCode >= 400 {
		ts.Fatalf("%s: %s\n%s", path, res.Status, body)
	}
	if len(args) > 3 {
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), body, 0o600))
	}
}

// unzips unpacks a zip file into a new folder: unzips FILE DIR
func unzips(ts *testscript.TestScript, _ bool, args []string) {
	r, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.CopyFS(filepath.Join(ts.MkAbs(args[1])), r))
	ts.Check(r.Close())
}

// packHolds makes an evidence pack and looks whether each demand that it says is met
// is met in files that are there and hold something.
func packHolds(t *testing.T, data string) (pack string) {
	t.Helper()
	pack = filepath.Join(t.TempDir(), "pack")
	command(t, data, "evidence", "--out", pack)
	command(t, data, "register", "verify", filepath.Join(pack, "register.ndjson"), "--key", filepath.Join(data, "register.pub"))
	page, err := os.ReadFile(filepath.Join(pack, "demands.html"))
	must(t, err)
	met := 0
	for _, row := range regexp.MustCompile(`(?s)<tr><td><strong>(.*?)</strong>.*?</td><td>(.*?)</td><td>(.*?)</td></tr>`).FindAllStringSubmatch(string(page), -1) {
		files := regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(row[3], -1)
		if row[2] != "no" {
			if met++; len(files) == 0 {
				t.Errorf("%s is met (%s), and nothing says where", row[1], row[2])
			}
		}
		for _, f := range files {
			if info, err := os.Stat(filepath.Join(pack, f[1])); err != nil || info.Size() == 0 {
				t.Errorf("%s is met in %s: %v", row[1], f[1], err)
			}
		}
	}
	if met < 30 {
		t.Errorf("%d demands are met, in part or whole", met)
	}
	return pack
}
