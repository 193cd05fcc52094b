package portal

import (
	"net/http"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// WhoMayDoWhat is the portal's table of routes as a Markdown table for the
// README: a line for each address, a column for each role. "looks" is a page
// that changes nothing, "acts" is a form or a step of a script that may.
func WhoMayDoWhat() string {
	var b strings.Builder
	b.WriteString("| address | not signed in |")
	for _, role := range register.Roles {
		b.WriteString(" " + strings.ToLower(texts.English().Text(texts.Word("role", role))) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(register.Roles)) + "\n")
	var seen []string
	for _, r := range routes {
		if slices.Contains(seen, r.path) {
			continue
		}
		seen = append(seen, r.path)
		b.WriteString("| `" + strings.TrimSuffix(r.path, "{$}") + "`")
		switch {
		case r.print:
			b.WriteString(", own letters, where letters may be printed")
		case r.own:
			b.WriteString(", own letters")
		case r.sample:
			b.WriteString(", in a sample")
		case r.sso:
			b.WriteString(", where there is an organisation's sign-in")
		}
		b.WriteString(" | " + mayDo(r.path, "") + " |")
		for _, role := range register.Roles {
			b.WriteString(" " + mayDo(r.path, role) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// mayDo is what the role, or ("") somebody who is not signed in, may do at the address.
func mayDo(path string, role register.Role) string {
	var does []string
	for _, r := range routes {
		if r.path != path || len(r.who) > 0 && !slices.Contains(r.who, role) {
			continue
		}
		if r.method == http.MethodGet {
			does = append(does, "looks")
		} else {
			does = append(does, "acts")
		}
	}
	return strings.Join(does, ", ")
}
