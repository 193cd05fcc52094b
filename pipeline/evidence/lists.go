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
)

// list is entries of some kinds, told field by field: as a spreadsheet, and as
// a page for printing.
type list struct {
	name, title, says string
	kinds             map[string]register.Event // by kind, the zero event: its fields are the columns
	order             []string                  // of the kinds
}

var lists = []list{
	listOf("transfer-notes", "Transfer notes",
		"From paper to scan: what each scanner took, when, for which helpline and with how many pages, sheets and sides; that the sealed scan was read back from the storage, opened and every page drawn; and who found it readable, or asked for another scan and why, and which letter is the new scan of which. The copy of an answer has no paper: it is filed. A letter has several lines, each with its reference: sort by it. Who scanned it was told at the destruction desk and stands in its destruction certificate.",
		"letter-admitted", register.LetterAdmitted{}, "response-filed", register.ResponseFiled{}, "letter-verified", register.LetterVerified{}, "letter-unverifiable", register.LetterUnverifiable{},
		"letter-receipted", register.LetterReceipted{}, "letter-readable", register.LetterReadable{}, "letter-scan-again", register.LetterScanAgain{},
		"letter-replaced", register.LetterReplaced{}, "new-scan-taken", register.NewScanTaken{}, "new-scan-apart", register.NewScanApart{}, "new-scan-is-other", register.NewScanIsOther{}),
	listOf("destruction-certificates", "Destruction certificates",
		"One for each paper original: who destroyed it, who watched, when, where and how, under which policy, how many sheets, who had scanned it and who had found the scan readable. The numbers of persons are staff numbers; 0 means that nobody knows, or that nobody was needed.",
		"paper-destroyed", register.PaperDestroyed{}),
	listOf("deletion-proofs", "Deletion proofs",
		"One for each letter and each copy of an answer that is gone: what the storage still held on its deadline and who removed it, the moment at which a listing showed no version, no delete marker and no unfinished upload, when the database's files held nothing of it, and the day on which its key dies. Where two people had decided that a letter goes before its time, or is not kept for five years after all, who confirmed it, why, and who had asked. Where a new scan of the same paper was found readable, so that the old one goes. Where a letter was moved, the proof that its old place is empty; and likewise of what lay among the letters and belonged to none.",
		"erasure-confirmed", register.ErasureConfirmed{}, "old-scan-ending", register.OldScanEnding{}, "safeguarding-withdrawn", register.SafeguardingWithdrawn{}, "letter-deleted", register.LetterDeleted{}, "old-copy-removed", register.OldCopyRemoved{},
		"stray-removed", register.StrayRemoved{}),
	listOf("key-ends", "Ends of keys",
		"The private key of every expiry week that is over, and custodians' shares of it: what was sealed to a key that has ended can no longer be read, in any copy anywhere, once fewer than two shares are left.",
		"key-destroyed", register.KeyDestroyed{}, "key-found-again", register.KeyFoundAgain{}, "share-ended", register.ShareEnded{}),
	listOf("restores", "Restores from a backup",
		"When the register or the storage was recognised to be an older copy of itself, by what, and how much it lacked; and how what it had missed was replayed before anybody was shown anything: letters that were found and not on record, that lay elsewhere or nowhere, and papers whose destruction record was lost, or of which two people said afterwards that they are not there.",
		"restore-begun", register.RestoreBegun{}, "letter-adopted", register.LetterAdopted{}, "response-adopted", register.ResponseAdopted{}, "letter-found-elsewhere", register.LetterFoundElsewhere{},
		"letter-not-found", register.LetterNotFound{}, "paper-found-destroyed", register.PaperFoundDestroyed{}, "paper-written-off", register.PaperWrittenOff{}, "restored", register.Restored{}),
}

func listOf(name, title, says string, kinds ...any) list {
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
		says := fmt.Sprintf("%s, %d", l.title, n)
		if err := p.file(l.name+".html", says+", for reading and printing", func(w io.Writer) error { return p.print(l, w) }); err != nil {
			return err
		}
		if err := p.file(l.name+".csv", says+", for a spreadsheet", func(w io.Writer) error { return p.table(l, w) }); err != nil {
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
	if err := pages.ExecuteTemplate(w, "list-head", p.page(l.title, l.says)); err != nil {
		return err
	}
	err := p.of(l, func(fields map[string]string) error {
		var cells []cell
		for _, name := range columns {
			if v := fields[name]; v != "" {
				cells = append(cells, cell{strings.ReplaceAll(name, "_", " "), v})
			}
		}
		return pages.ExecuteTemplate(w, "list-entry", cells)
	})
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(w, "foot", nil)
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 at 15:04 UTC") }
