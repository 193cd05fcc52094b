package evidence

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// list is entries of some kinds, told field by field: as a spreadsheet, and as
// a page for printing.
type list struct {
	name        string
	title, says texts.Text
	kinds       map[string]register.Event // by kind, the zero event: its fields are the columns
	order       []string                  // of the kinds
}

var lists = []list{
	listOf("transfer-notes", texts.Say("evidence-list.transfer-notes"),
		texts.Say("evidence-list.transfer-notes-says"),
		"letter-admitted", register.LetterAdmitted{}, "response-filed", register.ResponseFiled{}, "letter-verified", register.LetterVerified{}, "letter-unverifiable", register.LetterUnverifiable{},
		"letter-receipted", register.LetterReceipted{}, "letter-readable", register.LetterReadable{}, "letter-scan-again", register.LetterScanAgain{},
		"letter-replaced", register.LetterReplaced{}, "new-scan-taken", register.NewScanTaken{}, "new-scan-apart", register.NewScanApart{}, "new-scan-is-other", register.NewScanIsOther{}),
	listOf("destruction-certificates", texts.Say("evidence-list.destruction-certificates"),
		texts.Say("evidence-list.destruction-certificates-says"),
		"paper-destroyed", register.PaperDestroyed{}),
	listOf("deletion-proofs", texts.Say("evidence-list.deletion-proofs"),
		texts.Say("evidence-list.deletion-proofs-says"),
		"erasure-confirmed", register.ErasureConfirmed{}, "old-scan-ending", register.OldScanEnding{}, "safeguarding-withdrawn", register.SafeguardingWithdrawn{}, "letter-deleted", register.LetterDeleted{}, "old-copy-removed", register.OldCopyRemoved{},
		"stray-removed", register.StrayRemoved{}),
	listOf("key-ends", texts.Say("evidence-list.key-ends"),
		texts.Say("evidence-list.key-ends-says"),
		"key-destroyed", register.KeyDestroyed{}, "key-found-again", register.KeyFoundAgain{}, "share-ended", register.ShareEnded{}),
	listOf("restores", texts.Say("evidence-list.restores"),
		texts.Say("evidence-list.restores-says"),
		"restore-begun", register.RestoreBegun{}, "letter-adopted", register.LetterAdopted{}, "response-adopted", register.ResponseAdopted{}, "response-kept-unasked", register.ResponseKeptUnasked{}, "letter-found-elsewhere", register.LetterFoundElsewhere{},
		"letter-not-found", register.LetterNotFound{}, "paper-found-destroyed", register.PaperFoundDestroyed{}, "paper-written-off", register.PaperWrittenOff{}, "restored", register.Restored{}),
}

func listOf(name string, title, says texts.Text, kinds ...any) list {
	l := list{name, title, says, map[string]register.Event{}, nil}
	for pair := range slices.Chunk(kinds, 2) {
		kind := pair[0].(string)
		l.order = append(l.order, kind)
		l.kinds[kind] = pair[1].(register.Event)
	}
	return l
}

// The columns that every list begins with.
var common = []string{"entry", "recorded", "kind", "staff", "reference", "letter"}

// columns are the common ones and every field of the kinds, each once.
func (l list) columns() []string {
	out := slices.Clone(common)
	for _, kind := range l.order {
		of := reflect.TypeOf(l.kinds[kind])
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// read tells an entry field by field. The register holds numbers, enumerated
// words and narrow forms only, so nothing else can come out of it.
func read(e register.Entry) (map[string]string, error) {
	var fields map[string]json.RawMessage
	if len(e.Data) > 0 {
		if err := json.Unmarshal(e.Data, &fields); err != nil {
			return nil, fmt.Errorf("reading entry %d: it is not of its kind", e.N)
		}
	}
	out := map[string]string{}
	for name, value := range fields {
		out[name] = plain(value)
	}
	out["entry"], out["recorded"], out["kind"] = strconv.FormatInt(e.N, 10), e.At.UTC().Format(time.RFC3339), e.Kind
	out["staff"] = strconv.FormatInt(e.By, 10)
	if e.Letter != "" {
		out["letter"], out["reference"] = string(e.Letter), e.Letter.Reference()
	}
	return out, nil
}

// plain is a JSON value as a cell shows it.
func plain(value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return string(value)
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case []any:
		var words []string
		for _, one := range v {
			words = append(words, fmt.Sprint(one))
		}
		return strings.Join(words, " ")
	}
	return string(value)
}

// lists writes every list, once for each reader.
func (p *pack) lists() error {
	if !p.verified {
		return nil
	}
	for _, l := range lists {
		n := 0
		for _, kind := range l.order {
			n += p.Counts[kind]
		}
		if err := p.file(l.name+".html", texts.Say("evidence-file.for-reading-and-printing", "title", l.title, "entries", n), func(w io.Writer) error { return p.print(l, w) }); err != nil {
			return err
		}
		if err := p.file(l.name+".csv", texts.Say("evidence-file.list-for-a-spreadsheet", "title", l.title, "entries", n), func(w io.Writer) error { return p.table(l, w) }); err != nil {
			return err
		}
	}
	return nil
}

// of calls f with the list's entries.
func (p *pack) of(l list, f func(fields map[string]string) error) error {
	return p.each(func(e register.Entry) error {
		if l.kinds[e.Kind] == nil {
			return nil
		}
		fields, err := read(e)
		if err != nil {
			return err
		}
		return f(fields)
	})
}

func (p *pack) table(l list, w io.Writer) error {
	out := csv.NewWriter(w)
	columns := l.columns()
	if err := out.Write(columns); err != nil {
		return err
	}
	cells := make([]string, len(columns))
	err := p.of(l, func(fields map[string]string) error {
		for i, name := range columns {
			cells[i] = fields[name]
		}
		return out.Write(cells)
	})
	out.Flush()
	if err != nil {
		return err
	}
	return out.Error()
}

// cell is one field on a page.
type cell struct{ Name, Value string }

func (p *pack) print(l list, w io.Writer) error {
	columns := l.columns()
	pages := p.templates()
	if err := pages.ExecuteTemplate(w, "list-head", p.page(l.title, l.says)); err != nil {
		return err
	}
	none := true
	err := p.of(l, func(fields map[string]string) error {
		var cells []cell
		for _, name := range columns {
			if v := fields[name]; v != "" {
				cells = append(cells, cell{strings.ReplaceAll(name, "_", " "), v})
			}
		}
		none = false
		return pages.ExecuteTemplate(w, "list-entry", cells)
	})
	if err == nil && none { // or it would look like a page that broke off
		err = pages.ExecuteTemplate(w, "list-none", nil)
	}
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(w, "foot", nil)
}

// moment is a time as people read it, in UTC as everything in the lists is.
func moment(t time.Time) texts.Text {
	t = t.UTC()
	day := letter.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()}
	return texts.Say("evidence-word.moment", "day", day, "time", t.Format("15:04"))
}
