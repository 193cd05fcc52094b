package configfile

import (
	"strings"
	"testing"
)

// Whoever mistypes a key, or puts it into the wrong section, reads which one is meant.
func TestAnUnknownKeyIsExplained(t *testing.T) {
	type config struct {
		Keyring string `toml:"keyring_folder"`
		Portal  struct {
			Origin string `toml:"origin"`
			Folder string `toml:"folder"`
		} `toml:"portal"`
		Storage *struct {
			Bucket string `toml:"bucket"`
			Folder string `toml:"folder"`
		} `toml:"storage"`
		Helplines []struct {
			Name string `toml:"name"`
		} `toml:"helpline"`
	}
	for text, want := range map[string]string{
		"[portal]\norigni = \"x\"\n":                                      `, line 2: this version knows no key "portal.origni": "portal.origin" may be meant`,
		"keyring_folders = \"x\"\n":                                       `, line 1: this version knows no key "keyring_folders": "keyring_folder" may be meant`,
		"[portal]\n# the keyring\nkeyring_folder = \"x\"\n":               `, line 3: this version knows no key "portal.keyring_folder": it stands at the top of the file, before the first [section]`,
		"bucket = \"x\"\n":                                                `, line 1: this version knows no key "bucket": it belongs into [storage]`,
		"folder = \"x\"\n":                                                `, line 1: this version knows no key "folder": it belongs into [portal] or [storage]`,
		"[storage]\nbucket = \"x\"\n[portal] # the web\nbucket = \"x\"\n": `, line 4: this version knows no key "portal.bucket": it belongs into [storage]`,
		"[[helpline]]\nname = \"x\"\n[portal]\n\"name\" = \"x\"\n":        `, line 4: this version knows no key "portal.name": it belongs into [[helpline]]`,
		"[[helpline]]\nnam = \"x\"\n[[helpline]]\nnam = \"y\"\n":          `.toml: this version knows no key "helpline.nam": "helpline.name" may be meant`,
		"[portal]\norigin = \"x\"\n[portal]\norigin = \"y\"\n":            `, line 3: portal is there twice: keep one of the two, and all its keys in it`,
		"[portal]\norigin = \"x\"\n[[helpline]]\norigin = \"x\"\n":        `, line 4: this version knows no key "helpline.origin": it belongs into [portal]`,
		"[potal]\norigin = \"x\"\n":                                       `, line 1: this version knows no key "potal": "portal" may be meant`,
		"[portal]\ncolour = \"red\"\n":                                    `, line 2: this version knows no key "portal.colour"; every key it knows is in the README`,
	} {
		err := Parse("file.toml", text, &config{})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
