package evidence

import (
	"embed"
	"html/template"
	"io"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

//go:embed templates/*.html
var templates embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"moment":     moment,
	"lifecycle":  func(c string) int { return letter.Class(c).LifecycleDays() },
	"brief":      func() int { return letter.BriefDays },
	"holdReview": func() int { return register.HoldReviewDays },
	"level":      func() register.Level { return register.DefaultLevel },
	"lasted":     words.Lasted,
	"list":       func(names []string) string { return strings.Join(names, ", ") },
}).ParseFS(templates, "templates/*.html"))

// page is what a template gets.
type page struct {
	Title, Says string
	Facts
	Found
	Verified bool
	Files    []file
	Demands  []demand
}

func (p *pack) page(title, says string) page {
	return page{Title: title, Says: says, Facts: p.Facts, Found: p.Found, Verified: p.verified, Files: p.files}
}

// pages writes the pages that people begin with; the index, which tells of all
// others, last.
func (p *pack) pages() error {
	demands := p.demands()
	for _, of := range []struct{ name, title, says string }{
		{"procedure", "Procedure", "How letters are handled here, made from the configuration as it was when this pack was made"},
		{"processing-record", "Record of processing", "By the headings of UK GDPR, article 30; what Letterlock cannot know is left for you to fill in"},
		{"retention-schedule", "Retention schedule", "What is kept, for how long, what ends it, and where that is proven"},
		{"storage", "The storage, tried out", "What 'letterlock check storage' found when this pack was made"},
		{"demands", "What is demanded, and where this pack meets it", "RESISCAN, BS 10008, ISO/IEC 21964, UK GDPR and the policy's own sentences; also where it does not"},
		{"index", "Evidence pack", "Begin here"},
	} {
		pg := p.page(of.title, of.says+".")
		pg.Demands = demands
		if err := p.file(of.name+".html", of.title+". "+of.says, func(w io.Writer) error {
			return pages.ExecuteTemplate(w, of.name+".html", pg)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Number is how many entries there are of these kinds.
func (p page) Number(kinds ...string) (n int) {
	for _, k := range kinds {
		n += p.Counts[k]
	}
	return n
}

// Link leads to a file of the pack, or says that it was not made.
func (p page) Link(name string) template.HTML {
	if !p.Verified && slices.Contains(fromRegister, name) {
		return template.HTML(name + " (not made: the register does not verify)")
	}
	return template.HTML(`<a href="` + name + `">` + name + `</a>`)
}

// Met counts the demands that are met so.
func (p page) Met(how string) (n int) {
	for _, d := range p.Demands {
		if d.Met == how {
			n++
		}
	}
	return n
}
