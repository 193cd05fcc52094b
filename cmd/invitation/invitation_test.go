package invitation

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestInvitations(t *testing.T) {
	code := NewCode()
	i := Invitation{Until: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Key: "a key", SecretKey: "a very secret key", Edge: Edge{Site: "annexe", Helplines: []string{"respect-phoneline"}}}
	file, err := i.Seal(code)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("annexe")) || bytes.Contains(file, []byte("secret key")) {
		t.Error("it can be read without the code")
	}
	// However a person types what was read to them.
	for _, said := range []string{code, strings.ToLower(code), strings.ReplaceAll(code, "-", " "), " " + strings.ReplaceAll(code, "-", "") + "\r\n"} {
		got, err := Open(file, said)
		if err != nil || got.SecretKey != i.SecretKey || got.Site != "annexe" || !got.Until.Equal(i.Until) {
			t.Errorf("with %q: %+v, %v", said, got, err)
		}
	}
	for _, said := range []string{NewCode(), "", code[:4], code + "A", "ÄÖÜ"} {
		if _, err := Open(file, said); !errors.Is(err, ErrCode) {
			t.Errorf("with %q: %v", said, err)
		}
	}
	damaged := bytes.Clone(file)
	damaged[len(damaged)-1] ^= 1
	for name, file := range map[string][]byte{"damaged": damaged, "cut off": file[:len(file)-20], "empty": nil, "something else": []byte("%PDF-1.7\n")} {
		if _, err := Open(file, code); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A zero is not in the alphabet, and people write one for an O.
func TestCodesAsPeopleReadThem(t *testing.T) {
	if plain("ob1i-o0oo 8888") != "OBIIOOOOBBBB" {
		t.Error(plain("ob1i-o0oo 8888"))
	}
	for range 100 {
		if code := NewCode(); plain(code) != strings.ReplaceAll(code, "-", "") || len(plain(code)) != codeLen {
			t.Fatal(code)
		}
	}
}
