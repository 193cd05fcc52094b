package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// Policy is the confidentiality policy in force.
type Policy struct {
	Name string // with its version, as destruction records name it
	Text []byte // Markdown; HTML in it is left out
}

// inForce is the policy as the register knows it, once it does.
type inForce struct {
	atomic.Pointer[register.Policy]
}

type policyBody struct {
	Name     string
	Text     template.HTML
	Since    time.Time // zero while Letterlock is closed
	Oversees bool      // the visitor may see who has confirmed it
	Asks     bool      // the visitor has not
}

// policyHTML is the policy's text as the page shows it. What the text itself
// has as HTML is not passed on: it is written by people, who may paste anything. A
// table, which a narrow screen may not hold, moves sideways in a region of its own,
// under that name; how its cells are aligned would be a style, which no page of ours has.
func policyHTML(p Policy, table string) (template.HTML, error) {
	if p.Name == "" || len(bytes.TrimSpace(p.Text)) == 0 {
		return "", errors.New("the policy that authorises the destruction of paper has no name or no text")
	}
	var out bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignNone)))).Convert(p.Text, &out); err != nil {
		return "", fmt.Errorf("reading the policy: %w", err)
	}
	region := `<div class="counts" tabindex="0" role="region" aria-label="` + template.HTMLEscapeString(table) + `"><table class="prose">`
	return template.HTML(strings.NewReplacer("<table>", region, "</table>", "</table></div>").Replace(out.String())), nil
}

// underHeading is the policy's text as a part of a page that has a heading of its
// own: a screen reader tells of one heading of the first level. It is no text of a
// person that is changed here: in that, goldmark writes < as an entity.
func underHeading(policy template.HTML) template.HTML {
	return template.HTML(lowerHeadings.Replace(string(policy)))
}

var lowerHeadings = strings.NewReplacer("<h1>", "<h2>", "</h1>", "</h2>", "<h2>", "<h3>", "</h2>", "</h3>", "<h3>", "<h4>", "</h3>", "</h4>",
	"<h4>", "<h5>", "</h4>", "</h5>", "<h5>", "<h6>", "</h5>", "</h6>")

// policyInForce puts the policy on the register, once, and returns it. A register
// that is closed takes nothing; it is tried again when it opens.
func (p *Portal) policyInForce(ctx context.Context) (register.Policy, error) {
	if known := p.published.Load(); known != nil {
		return *known, nil
	}
	policy, err := p.cfg.Register.PublishPolicy(ctx, register.Name(p.cfg.Policy.Name), p.cfg.Policy.Text)
	if err != nil {
		return register.Policy{}, err
	}
	p.published.Store(&policy)
	return policy, nil
}

// afterPolicy are the beginnings of the addresses behind which letters, or
// their papers, are: nobody comes there who has not confirmed the policy.
var afterPolicy = []string{"/l/", "/letters", "/desk", "/papers", "/intake"}

// errPolicy asks for the policy to be read first.
var errPolicy = errors.New("the policy in force is not confirmed")

// mustConfirm returns errPolicy where the visitor has yet to confirm the policy.
func (p *Portal) mustConfirm(v *visit, rt route) error {
	if !slices.ContainsFunc(afterPolicy, func(begins string) bool { return strings.HasPrefix(rt.path, begins) }) {
		return nil
	}
	asks, err := p.asksPolicy(v)
	if err == nil && asks {
		return errPolicy
	}
	return err
}

func (p *Portal) asksPolicy(v *visit) (bool, error) {
	policy, err := p.policyInForce(v.Context())
	if err != nil {
		return false, err
	}
	confirmed, err := p.cfg.Register.HasConfirmed(v.Context(), policy.Number, v.person.Number)
	if err != nil {
		return false, fmt.Errorf("looking whether the policy is confirmed: %w", err)
	}
	return !confirmed, nil
}

// askToConfirm leads to the policy, from which the way leads on to where the
// visitor wanted to go.
func (p *Portal) askToConfirm(w http.ResponseWriter, v *visit) {
	if v.script {
		p.answer(w, v, policyFirst)
		return
	}
	redirect(w, "/policy/confirm?"+p.wayBack(v))
}

// policyPage shows the policy to everybody: those whose letters these are have
// a right to know it.
func (p *Portal) policyPage(w http.ResponseWriter, v *visit) error {
	body := policyBody{Name: p.cfg.Policy.Name, Text: underHeading(p.policy)}
	if !v.closed {
		policy, err := p.policyInForce(v.Context())
		if err != nil && !errors.Is(err, register.ErrClosed) {
			return err
		}
		body.Since = policy.Since
	}
	if v.signedIn {
		var err error
		if body.Asks, err = p.asksPolicy(v); err != nil {
			return err
		}
		body.Oversees = slices.Contains(overseers, v.person.Role)
	}
	return p.ok(w, v, page{Name: "policy", Title: texts.Say("policy.confidentiality-policy"), Body: body})
}

type confirmPolicyBody struct {
	policyBody
	To   string
	Lost bool // what the visitor sent last was not saved
}

func (p *Portal) confirmPolicyPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	return p.showConfirmPolicy(w, v, samePath(q.Get("to")), q.Has("lost"), nil)
}

func (p *Portal) showConfirmPolicy(w http.ResponseWriter, v *visit, to string, lost bool, flaws []formFlaw) error {
	policy, err := p.policyInForce(v.Context())
	if err != nil {
		return err
	}
	asks, err := p.asksPolicy(v)
	if err != nil {
		return err
	}
	if !asks {
		redirect(w, to)
		return nil
	}
	return p.ok(w, v, page{Name: "confirm-policy", Title: texts.Say("policy.please-read-the-policy-first"), Errors: flaws,
		Body: confirmPolicyBody{policyBody{Name: p.cfg.Policy.Name, Text: underHeading(p.policy), Since: policy.Since}, to, lost}})
}

// confirmPolicy records that the visitor has read and understood the policy, and
// leads to where they wanted to go.
func (p *Portal) confirmPolicy(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	to := samePath(v.PostForm.Get("to"))
	if v.PostForm.Get("read") != "yes" {
		return p.showConfirmPolicy(w, v, to, false, []formFlaw{{"read", texts.Say("policy.read-the-policy-and-tick-the-box")}})
	}
	policy, err := p.policyInForce(v.Context())
	if err != nil {
		return err
	}
	if err := p.cfg.Register.ConfirmPolicy(v.Context(), policy.Number, v.person.Number); err != nil {
		return err
	}
	redirect(w, to)
	return nil
}

// policyReader is one person in the list of who has confirmed the policy.
type policyReader struct {
	register.Person
	At time.Time // zero for not yet
}

type policyPeopleBody struct {
	Name     string
	Since    time.Time
	Not, Yes []policyReader
}

// policyPeoplePage lists who has confirmed the policy in force, and who has not.
func (p *Portal) policyPeoplePage(w http.ResponseWriter, v *visit) error {
	policy, err := p.policyInForce(v.Context())
	if err != nil {
		return err
	}
	when, err := p.cfg.Register.PolicyReaders(v.Context(), policy.Number)
	if err != nil {
		return err
	}
	people, err := p.enabledPeople(v)
	if err != nil {
		return err
	}
	body := policyPeopleBody{Name: p.cfg.Policy.Name, Since: policy.Since}
	for _, who := range people {
		if who.Role == "" {
			continue // whose groups give no role: nothing is shown to them
		}
		if at, ok := when[who.Number]; ok {
			body.Yes = append(body.Yes, policyReader{who, at})
		} else {
			body.Not = append(body.Not, policyReader{Person: who})
		}
	}
	return p.ok(w, v, page{Name: "policy-people", Title: texts.Say("policy.who-has-confirmed-the-policy"), Body: body})
}
