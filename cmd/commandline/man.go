package commandline

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

type manCmd struct{}

// Run prints.
func (*manCmd) Run(k *kong.Context) error { return Man(k.Stdout, k.Model, built()) }

// exits are the exit statuses of every program of Letterlock.
const exits = `.Sh EXIT STATUS
.Bl -tag -width 3n
.It 0
Done.
.It 1
It failed, and said why.
.It 2
Wrong use.
.It 3
It has looked, and found something wrong that a person must see to.
.El
`

// Man writes the manual page of a program in the language of mdoc(7), which man
// shows on Linux, macOS and the BSDs. The day stands at its foot.
func Man(w io.Writer, app *kong.Application, day time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".Dd %s\n.Dt %s 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n", day.UTC().Format("January 2, 2006"),
		strings.ToUpper(app.Name), app.Name, escaped(strings.ToLower(app.Help[:1])+strings.TrimSuffix(app.Help[1:], ".")))
	b.WriteString(".Sh SYNOPSIS\n")
	for _, n := range commands(app.Node) {
		if n.Leaf() {
			b.WriteString(".Nm\n")
			synopsis(&b, n)
		}
	}
	b.WriteString(".Sh DESCRIPTION\nFlags of every command:\n")
	flags(&b, app.Flags)
	b.WriteString(".Sh COMMANDS\n")
	for _, n := range commands(app.Node) {
		command(&b, app, n)
	}
	environment(&b, app)
	b.WriteString(exits)
	_, err := io.WriteString(w, b.String())
	return err
}

// synopsis is how a command is typed.
func synopsis(b *strings.Builder, n *kong.Node) {
	fmt.Fprintf(b, ".Cm %s\n", at(n))
	for _, f := range n.Flags {
		if f.Hidden {
			continue
		}
		text := "Fl -" + f.Name
		if v := valueOf(f); v.wanted {
			text += " Ar " + escaped(f.FormatPlaceHolder())
		}
		if !f.Required {
			text = "Op " + text
		}
		fmt.Fprintf(b, ".%s\n", text)
	}
	for _, arg := range n.Positional {
		text := "Ar " + escaped(arg.Name)
		if arg.IsCumulative() {
			text += " ..."
		}
		if !arg.Required {
			text = "Op " + text
		}
		fmt.Fprintf(b, ".%s\n", text)
	}
}

// command is what a command does, with its flags and examples.
func command(b *strings.Builder, app *kong.Application, n *kong.Node) {
	fmt.Fprintf(b, ".Ss %s %s\n%s\n", app.Name, at(n), plain(n.Help))
	if len(n.Positional) > 0 {
		b.WriteString(".Bl -tag -width Ds\n")
		for _, arg := range n.Positional {
			fmt.Fprintf(b, ".It Ar %s\n%s\n", escaped(arg.Name), plain(arg.Help))
		}
		b.WriteString(".El\n")
	}
	flags(b, n.Flags)
	if examples := Examples(app, n); len(examples) > 0 {
		b.WriteString(".Bd -literal -offset indent\n")
		for _, e := range examples {
			b.WriteString(escaped(e) + "\n")
		}
		b.WriteString(".Ed\n")
	}
}

func flags(b *strings.Builder, all []*kong.Flag) {
	begun := false
	for _, f := range all {
		if f.Hidden {
			continue
		}
		if !begun {
			b.WriteString(".Bl -tag -width Ds\n")
			begun = true
		}
		fmt.Fprintf(b, ".It Fl -%s", f.Name)
		if v := valueOf(f); v.wanted {
			fmt.Fprintf(b, " Ar %s", escaped(f.FormatPlaceHolder()))
		}
		fmt.Fprintf(b, "\n%s\n", plain(f.Help))
		if f.HasDefault && f.Default != "" {
			fmt.Fprintf(b, "The default is\n.Ql %s .\n", escaped(f.Default))
		}
	}
	if begun {
		b.WriteString(".El\n")
	}
}

// environment names the variables that stand for a flag.
func environment(b *strings.Builder, app *kong.Application) {
	b.WriteString(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n")
	said := map[string]bool{} // several commands may have the same flag
	for _, n := range append([]*kong.Node{app.Node}, commands(app.Node)...) {
		for _, f := range n.Flags {
			for _, env := range f.Envs {
				if said[env] {
					continue
				}
				said[env] = true
				fmt.Fprintf(b, ".It Ev %s\nIs used where there is no\n.Fl -%s .\n", env, f.Name)
			}
		}
	}
	b.WriteString(".El\n")
}

// plain is text in which man sees no commands of its own. A sentence begins a
// line, as mdoc wants it, and no line is longer than 80 bytes.
func plain(s string) string {
	var lines []string
	for _, sentence := range strings.SplitAfter(escaped(s), ". ") {
		line := ""
		for _, word := range strings.Fields(sentence) {
			if line != "" && len(line)+1+len(word) > 78 {
				lines, line = append(lines, line), ""
			}
			line = strings.TrimSpace(line + " " + word)
		}
		lines = append(lines, line)
	}
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// escaped is text that stays on its line.
func escaped(s string) string { return strings.ReplaceAll(s, `\`, `\e`) }
