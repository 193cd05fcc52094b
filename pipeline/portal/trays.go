package portal

import (
	"net/http"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// traysShow is how many destructions of a day are listed, the latest ones.
const traysShow = 500

type traysBody struct {
	Day   string // as in the form
	Of    letter.Date
	Trays []trayRecord
	More  bool // than are listed
}

// trayRecord is the papers that went on record together, as the register has them.
type trayRecord struct {
	destroyedBody // of the first of them: what holds for all
	Papers        []trayPaper
	last          int64 // the number of its entry
}

type trayPaper struct {
	register.PaperDestroyed
	Letter letter.ID
}

// traysPage is every destruction of a day, tray by tray, from the register alone:
// a certificate that can be printed at any time.
func (p *Portal) traysPage(w http.ResponseWriter, v *visit) error {
	pg := page{Name: "trays", Title: texts.Say("trays.destroyed-papers")}
	body := traysBody{Day: v.URL.Query().Get("day"), Of: letter.DateOf(p.cfg.Now())}
	if body.Day == "" {
		body.Day = body.Of.String()
	}
	var err error
	if body.Of, err = letter.ParseDate(body.Day); err != nil {
		pg.Errors, pg.Body = []formFlaw{{"day", texts.Say("trays.enter-a-day-as-in-2026-11-24")}}, body
		return p.ok(w, v, pg)
	}
	begins, err := p.cfg.Register.EntriesBefore(v.Context(), body.Of.Start())
	if err != nil {
		return err
	}
	end, err := p.cfg.Register.EntriesBefore(v.Context(), body.Of.AddDays(1).Start())
	if err != nil {
		return err
	}
	found, err := p.cfg.Register.Entries(v.Context(), end, "paper-destroyed", "", traysShow+1)
	if err != nil {
		return err
	}
	if body.More = len(found) > traysShow && found[traysShow].N >= begins; len(found) > traysShow {
		found = found[:traysShow]
	}
	names, err := p.staffNames(v)
	if err != nil {
		return err
	}
	for _, e := range found {
		if e.N < begins {
			break
		}
		if body.Trays, err = intoTray(body.Trays, e, names); err != nil {
			return err
		}
	}
	pg.Body = body
	return p.ok(w, v, pg)
}

// oneTransaction is longer than a tray takes to go on record, and shorter than two
// people take to sign another.
const oneTransaction = 5 * time.Second

// intoTray puts an entry, found newest first, to the tray that it was recorded
// with: its transaction wrote them one after the other.
func intoTray(trays []trayRecord, e register.Entry, names map[int64]string) ([]trayRecord, error) {
	var d register.PaperDestroyed
	if err := readEvent(e, &d); err != nil {
		return nil, err
	}
	paper := trayPaper{d, e.Letter}
	if n := len(trays); n > 0 {
		t := &trays[n-1]
		if t.last == e.N+1 && t.Destroyed.Sub(d.Destroyed) < oneTransaction && t.by == e.By && t.PaperDestroyed.Witness == d.Witness && t.Method == d.Method && t.Machine == d.Machine && t.Place == d.Place && t.Certificate == d.Certificate {
			t.destroyedBody, t.Papers, t.last = destroyedWords(d, e, names), append([]trayPaper{paper}, t.Papers...), e.N
			return trays, nil
		}
	}
	return append(trays, trayRecord{destroyedWords(d, e, names), []trayPaper{paper}, e.N}), nil
}
