package configfile

import (
	"strings"
	"testing"
)

// A value of the wrong kind, and a line that is no TOML, are explained by how they are
// written.
func TestAValueOfAnotherKindIsExplained(t *testing.T) {
	type config struct {
		When    string   `toml:"destroy_after" def:"readable"`
		Silence Duration `toml:"max_silence" def:"336h"`
		Portal  struct {
			Origin string   `toml:"origin"`
			Print  bool     `toml:"print"`
			Remind int      `toml:"remind_leaders" def:"1"`
			Places []string `toml:"places" def:"office"`
		} `toml:"portal"`
		Helplines []struct {
			Name  string `toml:"name"`
			Title string `toml:"title"`
		} `toml:"helpline"`
	}
	for text, want := range map[string]string{
		"destroy_after = 7\n": `file.toml, line 1: destroy_after is written in quotation marks, as in destroy_after = "readable"`,
		"[[helpline]]\nname = \"a\"\n[portal]\norigin = true\n":                              `file.toml, line 4: origin is written in quotation marks, as in origin = "..."`,
		"[portal]\nprint = \"yes\"\n":                                                        `file.toml, line 2: print is true or false, without quotation marks, as in print = true`,
		"[portal]\nremind_leaders = \"3\"\n":                                                 `file.toml, line 2: remind_leaders is a whole number, without quotation marks, as in remind_leaders = 1`,
		"[portal]\nplaces = \"office\"\n":                                                    `file.toml, line 2: places is a list, in square brackets and quotation marks, as in places = ["office"]`,
		"portal = \"https://letters.example.org\"\n":                                         `file.toml, line 1: portal is a section: write [portal] on a line of its own, and its keys below it`,
		"[[portal]]\nprint = true\n":                                                         `file.toml, line 1: portal is a section: write [portal] on a line of its own, and its keys below it`,
		"[helpline]\nname = \"a\"\n":                                                         `file.toml, line 1: each helpline is a block of its own, which begins with a line [[helpline]]`,
		"[[helpline]]\nname = \"a\"\ntitle = 7\n[[helpline]]\nname = \"b\"\ntitle = \"B\"\n": `file.toml, line 3: title is written in quotation marks, as in title = "..."`,
		"[[helpline]]\nname = \"a\"\n# title = 7\n[portal]\nprint = true\n[[helpline]]\ntitle = 7\nname = \"b\"\n": `file.toml, line 7: title is written in quotation marks, as in title = "..."`,
		"max_silence = 14\n": `file.toml, line 1: max_silence: a time span is written with its unit, like "30s" or "336h", and is at least a second`,
		"[portal]\norigin = https://letters.example.org\n":        `file.toml, line 2: this line cannot be read (`,
		"[portal]\norigin = \"https://letters.example.org\nprint": `file.toml, line 2: this line cannot be read (`,
	} {
		err := Parse("file.toml", text, &config{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
