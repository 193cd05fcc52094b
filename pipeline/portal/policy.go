package portal

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// Policy is the confidentiality policy in force.
type Policy struct {
	Name string // with its version, as destruction records name it
	Text []byte // Markdown; HTML in it is left out
}

type policyBody struct {
	Name string
	Text template.HTML
}

// policyHTML is the policy's text as the page shows it. What the text itself
// has as HTML is not passed on: it is written by people, who may paste anything.
func policyHTML(p Policy) (template.HTML, error) {
	if p.Name == "" || len(bytes.TrimSpace(p.Text)) == 0 {
		return "", errors.New("the policy that authorises the destruction of paper has no name or no text")
	}
	var out bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.Table)).Convert(p.Text, &out); err != nil {
		return "", fmt.Errorf("reading the policy: %w", err)
	}
	return template.HTML(out.String()), nil
}

// policyPage shows the policy to everybody: those whose letters these are have
// a right to know it.
func (p *Portal) policyPage(w http.ResponseWriter, v *visit) error {
	return p.ok(w, v, page{Name: "policy", Title: "Confidentiality policy", Body: policyBody{p.cfg.Policy.Name, p.policy}})
}
