package evidence

import (
	"embed"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

//go:embed templates/*.html
var templates embed.FS

// templates are those of the pack's language.
func (p *pack) templates() *template.Template {
	if p.parsed != nil {
		return p.parsed
	}
	l := p.Language
	p.parsed = template.Must(template.New("").Funcs(template.FuncMap{
		"t":          func(id string, with ...any) any { return l.Show(texts.Say(id, with...)) },
		"said":       l.Show,
		"word":       func(group, word string) any { return l.Show(texts.Word(group, word)) },
		"link":       texts.Link,
		"lang":       l.Tag,
		"moment":     moment,
		"lifecycle":  func(c string) int { return letter.Class(c).LifecycleDays() },
		"brief":      func() int { return letter.BriefDays },
		"holdReview": func() int { return register.HoldReviewDays },
		"level":      func() register.Level { return register.DefaultLevel },
		"lasted":     lasted,
		"list":       func(names []string) string { return strings.Join(names, ", ") },
	}).ParseFS(templates, "templates/*.html"))
	return p.parsed
}

// lasted is words.Lasted in the language of the pack.
func lasted(d time.Duration) texts.Text {
	switch n, unit := words.Span(d); {
	case n == 0:
		return texts.Say("evidence-lasted.moment")
	case unit == "minute":
		return texts.Say("evidence-lasted.minutes", "n", n)
	case unit == "hour":
		return texts.Say("evidence-lasted.hours", "n", n)
	default:
		return texts.Say("evidence-lasted.days", "n", n)
	}
}

// page is what a template gets.
type page struct {
	Title, Says texts.Text
	Facts
	Found
	Verified bool
	Files    []file
	Demands  []demand
}

func (p *pack) page(title, says texts.Text) page {
	return page{Title: title, Says: says, Facts: p.Facts, Found: p.Found, Verified: p.verified, Files: p.files}
}

// pages writes the pages that people begin with; the index, which tells of all
// others, last.
func (p *pack) pages() error {
	demands := p.demands()
	for _, of := range []struct {
		name        string
		title, says texts.Text
	}{
		{"procedure", texts.Say("evidence-page.procedure"), texts.Say("evidence-page.procedure-says")},
		{"processing-record", texts.Say("evidence-page.processing-record"), texts.Say("evidence-page.processing-record-says")},
		{"retention-schedule", texts.Say("evidence-page.retention-schedule"), texts.Say("evidence-page.retention-schedule-says")},
		{"storage", texts.Say("evidence-page.storage"), texts.Say("evidence-page.storage-says")},
		{"demands", texts.Say("evidence-page.demands"), texts.Say("evidence-page.demands-says")},
		{"index", texts.Say("evidence-page.index"), texts.Say("evidence-page.index-says")},
	} {
		pg := p.page(of.title, texts.Say("evidence-page.sentence", "says", of.says))
		pg.Demands = demands
		if err := p.file(of.name+".html", texts.Say("evidence-file.page", "title", of.title, "says", of.says), func(w io.Writer) error {
			return p.templates().ExecuteTemplate(w, of.name+".html", pg)
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
		return template.HTML(template.HTMLEscapeString(p.Language.Text(texts.Say("evidence-word.not-made", "file", name))))
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
