package portal

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// speak returns the template functions by which a page says something.
func speak(l *texts.Language) template.FuncMap {
	return template.FuncMap{
		"lang": l.Tag,
		"t":    func(id string, with ...any) any { return l.Show(texts.Say(id, with...)) },
		"say":  texts.Say,
		"said": func(v any) any { return said(l, v) },
		"link": link,
	}
}

// said is what a page's field says.
func said(l *texts.Language, v any) any {
	if t, ok := v.(texts.Text); ok {
		return l.Show(t)
	}
	return v
}

// link is the element of a link to a page of ours, or to the portal's origin:
// an address, and the value that ends it, if any.
func link(address string, value ...any) (texts.Element, error) {
	if samePath(address) != address && !isOrigin(address) {
		return texts.Element{}, fmt.Errorf("a page links to %q", address)
	}
	for _, v := range value {
		if s := fmt.Sprint(v); strings.Contains(address, "?") {
			address += url.QueryEscape(s)
		} else {
			address += url.PathEscape(s)
		}
	}
	return texts.Link(address), nil
}

func isOrigin(s string) bool { _, err := parseOrigin(s); return err == nil }

// roleOf is what a person is, and of which helplines.
func (p *Portal) roleOf(r register.Role, helplines []string) texts.Text {
	role := roleOr(r)
	if len(helplines) == 0 {
		return role
	}
	return texts.Say("role.of", "role", role, "helplines", apply(helplines, p.helplineTitle))
}

// passkeysOf says how somebody signs in, and whether that is too little.
func passkeysOf(who register.Person) texts.Text {
	has := texts.Plain(fmt.Sprint(who.Passkeys))
	switch who.Passkeys {
	case 0:
		has = texts.Say("people.no-passkey")
	case 1:
		has = texts.Say("people.one-passkey")
	}
	if who.SSO {
		return texts.Say("people.with-sso", "passkeys", has)
	}
	return has
}

// placesWords says from where a session is used, and since when.
func placesWords(places []whereabout) []texts.Text {
	return apply(places, func(w whereabout) texts.Text {
		return texts.Say("layout.place", "where", w.From, "since", w.First)
	})
}

// howWords says how paper was destroyed.
func howWords(m register.Method, level register.Level, machine, contractor register.Name, collection, certificate register.Number) texts.Text {
	if m == register.Contractor {
		return texts.Say("desk.contractor", "method", texts.Word("method", m), "contractor", contractor, "collection", collection, "certificate", certificate)
	}
	if machine != "" {
		return texts.Say("desk.shredder-called", "method", texts.Word("method", m), "machine", machine, "level", level)
	}
	return texts.Say("desk.shredder", "method", texts.Word("method", m), "level", level)
}
