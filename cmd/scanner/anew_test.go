package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a person changes in scanner.toml while the scanner runs is no enrolment anew, also
// where the scanner has changed its own key meanwhile; another enrolment is.
func TestWhatEnrolsAMachineAnew(t *testing.T) {
	const whole = "site = \"office\"\nhelplines = [\"respect-phoneline\"]\nfolder = \"scans\"\nserver_key = \"first\"\nsite_key_file = \"site.key\"\n" +
		"[storage]\nendpoint = \"http://127.0.0.1:1\"\nbucket = \"b\"\naccess_key = \"a\"\nsecret_key_file = \"storage.key\"\n"
	const edited = "allow_symbols = true\n" + whole
	for what, c := range map[string]struct {
		text, key, own string // scanner.toml, site.key, and the key with which the scanner signs by now
		want           bool
	}{
		"nothing":                                      {"", "one", "one", false},
		"a person's edit":                              {edited, "one", "one", false},
		"a change of the scanner's own key":            {"", "two", "two", false},
		"an edit after a change of its own key":        {edited, "two", "two", false},
		"an edit that is half done":                    {edited[:40], "one", "one", false},
		"another key, which the scanner has not made":  {whole, "two", "one", true},
		"an edit beside another key":                   {edited, "three", "two", true},
		"another server's key":                         {strings.Replace(whole, "first", "second", 1), "one", "one", true},
		"another server's key, and a key of its own":   {strings.Replace(edited, "first", "second", 1), "two", "two", true},
		"another site":                                 {strings.Replace(whole, "office", "annexe", 1), "one", "one", true},
		"another key, and scanner.toml is not written": {"", "two", "one", false},
	} {
		dir := t.TempDir()
		config, key := filepath.Join(dir, "scanner.toml"), filepath.Join(dir, "site.key")
		write := func(path, text string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(config, whole)
		write(key, "one")
		file, err := os.Stat(config)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := readConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		was, err := cfg.enrolment(config)
		if err != nil {
			t.Fatal(err)
		}
		write(key, c.key)
		if c.text != "" {
			write(config, c.text)
			if err := os.Chtimes(config, time.Time{}, file.ModTime().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if got := was.isOver(config, file, c.own); got != c.want {
			t.Errorf("%s: it is enrolled anew: %t", what, got)
		}
	}
}
