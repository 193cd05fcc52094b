package portal

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"

	"letterlock/pipeline/texts"
)

// asvsText is the portal against OWASP's Application Security Verification
// Standard 5.0.0, levels 1 and 2: on each line the number and the level of a
// point, what it is about in our own words, how it stands, and by what. A test
// holds it against the tests that it names.
//
//go:embed asvs.txt
var asvsText string

// How a point of the standard stands.
const (
	asvsMet    = "met"    // tests hold it
	asvsBuilt  = "built"  // by how it is built; no test could fail
	asvsReadme = "readme" // in that part of the README, and one test holds it
	asvsNone   = "none"   // there is nothing here that it could be about
	asvsNot    = "not"
)

// asvsPoint is one point of the standard.
type asvsPoint struct {
	Number, Level string
	About         string
	Stands        string
	By            string   // why, or where it is said
	Tests         []string // that hold it
}

var asvs = readASVS(asvsText)

func readASVS(text string) (out []asvsPoint) {
	for line := range strings.Lines(text) {
		parts := strings.Split(strings.TrimSpace(line), " | ")
		if len(parts) != 4 {
			panic(fmt.Sprintf("a line of asvs.txt has %d parts", len(parts))) // it is part of the program
		}
		p := asvsPoint{About: parts[1], Stands: parts[2], By: parts[3]}
		p.Number, p.Level, _ = strings.Cut(parts[0], " ")
		if p.Stands == asvsMet {
			p.Tests = strings.Fields(p.By)
		}
		out = append(out, p)
	}
	return out
}

type securityBody struct {
	Points []asvsPoint
	Not    []asvsPoint
	Counts map[string]int
}

// securityPage shows staff how the portal stands to the standard, and first of
// all where it does not meet it.
func (p *Portal) securityPage(w http.ResponseWriter, v *visit) error {
	body := securityBody{Points: asvs, Counts: map[string]int{}}
	for _, point := range asvs {
		body.Counts[point.Stands]++
		if point.Stands == asvsNot {
			body.Not = append(body.Not, point)
		}
	}
	return p.ok(w, v, page{Name: "security", Title: texts.Say("security.security-point-by-point"), Body: body})
}
