package scanner

import (
	"bytes"
	"fmt"
	"html/template"
	"path"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/texts"
)

// printsAtMost is how many slips are on the sheet, the newest first.
const printsAtMost = 300

var printSheet = template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><title>{{.Title}}</title>
<style>
body { font: 11pt/1.35 Arial, "Liberation Sans", sans-serif; margin: 8mm; color: #000; background: #fff; }
ol { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(3, 1fr); }
li { border: 1px dashed #777; padding: 4mm; break-inside: avoid; }
b { display: block; font: 700 18pt "Courier New", "Liberation Mono", monospace; }
@media print { p { display: none; } body { margin: 0; } }
</style></head><body>
<p>{{.Head}}</p>
<ol>
{{range .Slips}}<li><b>{{.ID.Reference}}</b>{{.PagesInWords}}{{.InStack}}<br>{{.TakenInWords}}{{with .HandOver}}<br><strong>{{.}}</strong>{{end}}</li>
{{end}}</ol></body></html>
`))

// printEvery is how often the sheet is written at most, however fast letters
// are taken.
const printEvery = 5 * time.Second

// printed is a slip on the sheet.
type printed struct {
	record
	language *texts.Language
	HandOver string // whose the paper is, if it is another helpline's
}

// PagesInWords, InStack and TakenInWords are for the template.
func (p printed) PagesInWords() string { return say(p.language, "sheet.pages", "n", p.Pages) }
func (p printed) InStack() string      { return p.inStack(p.language) }
func (p printed) TakenInWords() string {
	return say(p.language, "sheet.taken", "when", stamp(p.language, p.taken()))
}

// print keeps the sheet of slips of each helpline as it should be: operations
// open it in a browser, print it and cut it up. A crash leaves the one that was
// there before.
func (e *Edge) print() {
	if e.Now().Sub(e.printedAt).Abs() < printEvery {
		return
	}
	var failed error
	for _, helpline := range e.Helplines {
		if e.printed[helpline] {
			continue
		}
		if err := e.printOf(helpline); err != nil {
			failed = err
			continue
		}
		e.printed[helpline], e.printedAt = true, e.Now()
	}
	if e.foundNoRoom(failed) {
		return
	}
	if failed != nil {
		e.tell("print", "The sheet of slips cannot be written: "+failed.Error()+". Scans are taken all the same.")
		return
	}
	e.tell("print", "")
}

func (e *Edge) printOf(helpline string) error {
	at := path.Join(helpline, folder.SlipsFile)
	l := e.Language
	var slips []printed
	for _, r := range e.shelf.newest(helpline, printsAtMost) {
		p := printed{record: r, language: l}
		if r.Moved != "" {
			p.HandOver = handOver(l, e.title(r.Moved))
		}
		slips = append(slips, p)
	}
	if len(slips) == 0 {
		return e.remove(at)
	}
	var sheet bytes.Buffer
	err := printSheet.Execute(&sheet, map[string]any{"Lang": l.Tag(), "Slips": slips,
		"Title": say(l, "sheet.title", "helpline", e.title(helpline)),
		"Head":  say(l, "sheet.head", "n", len(slips), "helpline", e.title(helpline), "when", stampWeekday(l, e.Now(), "15:04"))})
	if err != nil {
		return fmt.Errorf("printing slips: %w", err)
	}
	// Not synced: it is made of the records, and made anew after every start.
	return disk.Post(e.folder.Disk(), at, 0o664, sheet.Bytes())
}
