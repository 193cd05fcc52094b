package letter

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleAgain() Again {
	return Again{Site: "office", At: time.Date(2027, 7, 1, 9, 0, 0, 0, time.UTC), Letters: []AgainLetter{
		{ID: NewID(), Helpline: "respect-phoneline", Received: Date{2026, 11, 24}, Reason: "cut-off"},
		{ID: NewID(), Helpline: "mens-advice-line", Received: Date{2026, 11, 25}, Reason: "too-faint"},
	}}
}

// What is named is read back, and nothing that is not of the agreed form.
func TestPapersToBeScannedAgain(t *testing.T) {
	server, pub := keys(t, "letterlock-server")
	_, stranger := keys(t, "letterlock-server")
	said := sampleAgain()
	msg, err := said.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenAgain(msg, pub); err != nil || cmp.Diff(said, got) != "" {
		t.Errorf("%v, %s", err, cmp.Diff(said, got))
	}
	if _, err := OpenAgain(msg, stranger); err == nil {
		t.Error("another server's word is believed")
	}
	for name, spoil := range map[string]func(*Again){
		"no site":           func(a *Again) { a.Site = "" },
		"no time":           func(a *Again) { a.At = time.Time{} },
		"half a second":     func(a *Again) { a.At = a.At.Add(time.Second / 2) },
		"no id":             func(a *Again) { a.Letters[0].ID = "../../gone" },
		"one twice":         func(a *Again) { a.Letters[1].ID = a.Letters[0].ID },
		"a path":            func(a *Again) { a.Letters[0].Helpline = "../other" },
		"a sentence":        func(a *Again) { a.Letters[0].Reason = "Mrs Jones' letter" },
		"no day":            func(a *Again) { a.Letters[0].Received = Date{} },
		"more than is true": func(a *Again) { a.Letters = make([]AgainLetter, MaxAgain+1) },
	} {
		a := sampleAgain()
		spoil(&a)
		if msg, err := a.Sign(server); err == nil {
			if _, err := OpenAgain(msg, pub); err == nil {
				t.Errorf("%s: it is believed", name)
			}
		}
	}
	full := Again{Site: "office", At: said.At}
	for range MaxAgain {
		full.Letters = append(full.Letters, AgainLetter{NewID(), strings.Repeat("h", 40), said.Letters[0].Received, "pages-missing"})
	}
	msg, err = full.Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAgain(msg, pub); err != nil {
		t.Errorf("as many as may be are not read: %v", err)
	}
}

func FuzzOpenAgain(f *testing.F) {
	server, pub := keys(f, "letterlock-server")
	msg, err := sampleAgain().Sign(server)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg, `{"site":"office"}`)
	f.Add([]byte(kindAgain+"\n{}\n\n— letterlock-server AAAA\n"), `{"site":"office","at":"2027-07-01T09:00:00Z","letters":[{"id":"","helpline":"x","received":"2026-02-30","reason":""}]}`)
	f.Fuzz(func(t *testing.T, msg []byte, body string) {
		if _, err := OpenAgain(msg, pub); err == nil && !strings.HasPrefix(string(msg), kindAgain+"\n") {
			t.Fatal("a statement of another kind was believed")
		}
		// Also what a true signature is under: the form is checked by itself.
		signed, err := Sign(kindAgain, jsonText(body), server)
		if err != nil {
			return
		}
		a, err := OpenAgain(signed, pub)
		if err != nil {
			return
		}
		for _, l := range a.Letters {
			if _, err := ParseID(string(l.ID)); err != nil || !ValidName(l.Helpline) || !ValidName(l.Reason) {
				t.Fatalf("taken in: %+v", l)
			}
		}
	})
}

// jsonText is JSON as it is.
type jsonText string

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j), nil }
