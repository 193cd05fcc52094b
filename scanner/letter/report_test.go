package letter

import (
	"testing"
	"time"
)

// What a scanner says of its folder is believed under its own signature, and
// holds nothing that has no agreed form.
func TestReport(t *testing.T) {
	office, officePub := keys(t, "office")
	annexe, annexePub := keys(t, "annexe")
	at := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	good := func() Report {
		return Report{Site: "office", At: at, Folders: []ReportLine{{Helpline: "respect-phoneline", Arriving: 1, Oldest: at}, {Helpline: "mens-advice-line"}},
			Refused: []Refused{{Helpline: "respect-phoneline", At: at, Why: "cut-off"}, {At: at, Why: "stray"}}}
	}
	msg, err := good().Sign(office)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := OpenReport(msg, officePub); err != nil || r.Folders[0].Arriving != 1 || !r.Folders[1].Oldest.IsZero() || len(r.Refused) != 2 {
		t.Errorf("read as %+v, %v", r, err)
	}
	if _, err := OpenReport(msg, annexePub); err == nil {
		t.Error("another scanner's key opens it")
	}
	for what, change := range map[string]func(*Report){
		"a name for a reason":   func(r *Report) { r.Refused[0].Why = "Mrs Smith.pdf" },
		"a name for a helpline": func(r *Report) { r.Folders[0].Helpline = "Mrs Smith" },
		"a refusal's helpline":  func(r *Report) { r.Refused[0].Helpline = "Mrs Smith" },
		"fewer than none":       func(r *Report) { r.Folders[1].Taking = -1 },
		"no time":               func(r *Report) { r.At = time.Time{} },
		"a refusal's time":      func(r *Report) { r.Refused[1].At = at.Add(time.Millisecond) },
		"too many refusals":     func(r *Report) { r.Refused = make([]Refused, MaxRefused+1) },
		"a name for a token":    func(r *Report) { r.Questions = []string{"Mrs Smith"} },
		"too many questions":    func(r *Report) { r.Questions = make([]string, MaxQuestions+1) },
		"too many folders":      func(r *Report) { r.Folders = make([]ReportLine, MaxFolders+1) },
	} {
		r := good()
		change(&r)
		msg, err := r.Sign(office)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenReport(msg, officePub); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
	if msg, err = good().Sign(annexe); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReport(msg, annexePub); err == nil {
		t.Error("one scanner speaks for another")
	}
	if site, ok := SplitReport(ReportKey("office")); site != "office" || !ok {
		t.Errorf("its key is read as %q, %v", site, ok)
	}
	if _, _, ok := SplitIncoming(ReportKey("office")); ok {
		t.Error("its key is taken for a manifest's")
	}
	if _, ok := SplitReport(SeenKey("office")); ok {
		t.Error("another key is taken for its")
	}
}
