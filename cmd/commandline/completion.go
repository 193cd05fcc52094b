package commandline

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish. Bash reads it from /etc/bash_completion.d, zsh from a folder of its fpath, where the file's name is the program's with _ before it, fish from /etc/fish/completions."`
}

// Run prints.
func (c *completionCmd) Run(k *kong.Context) error {
	return Completion(k.Stdout, k.Model, c.Shell)
}

// Completion writes the completion of a program's commands for bash, zsh or
// fish. It holds all that it needs and starts no program.
func Completion(w io.Writer, app *kong.Application, shell string) error {
	write := map[string]func(string, []place) string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
	if write == nil {
		return fmt.Errorf("there is no completion for %q", shell)
	}
	_, err := io.WriteString(w, write(app.Name, places(app)))
	return err
}

// Of each shell's script the first part finds out where on the command line
// the cursor is: in $at are the commands up to there. A flag's value is no
// command, so it is jumped over.

func bash(program string, all []place) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# bash completion for %s, printed by '%[1]s completion bash'\n_%[1]s() {\n", program)
	b.WriteString(`	local at='' words='' i flag cur=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at:${COMP_WORDS[i]}" in
`)
	walk(&b, all, "\t\t%s) at=%s ;;\n", "\t\t%s) ((i++)); [[ ${COMP_WORDS[i]} == '=' ]] && ((i++)) ;;\n")
	b.WriteString(`		esac
	done
	flag=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $cur == '=' ]]; then
		cur=''
	elif [[ $flag == '=' ]]; then
		flag=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	COMPREPLY=()
	case "$at:$flag" in
`)
	values(&b, all, func(v value) string {
		switch {
		case len(v.answers) > 0:
			return fmt.Sprintf("COMPREPLY=($(compgen -W $'%s' -- \"$cur\")); return", strings.Join(v.answers, `\n`))
		case v.paths == folder:
			return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")); return`
		case v.paths == anyFile:
			return `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); return`
		}
		return "return"
	})
	b.WriteString("\tesac\n\tcase \"$at\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\t%s)\n\t\tif [[ $cur == -* ]]; then\n\t\t\twords=$'%s'\n", quoted(p.at), strings.Join(names(p.flags), `\n`))
		switch {
		case len(p.commands)+len(p.answers) > 0:
			fmt.Fprintf(&b, "\t\telse\n\t\t\twords=$'%s'\n", strings.Join(append(names(p.commands), p.answers...), `\n`))
		case p.files:
			b.WriteString("\t\telse\n\t\t\tcompopt -o filenames 2>/dev/null\n\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\t\t\treturn\n")
		}
		b.WriteString("\t\tfi\n\t\t;;\n")
	}
	fmt.Fprintf(&b, "\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -F _%s %[1]s\n", program)
	return b.String()
}

func zsh(program string, all []place) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# zsh completion for %[1]s, printed by '%[1]s completion zsh'\ncompdef _%[1]s %[1]s\n_%[1]s() {\n", program)
	b.WriteString("\tlocal at='' flag i\n\tlocal -a found\n\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tcase \"$at:${words[i]}\" in\n")
	walk(&b, all, "\t\t(%s) at=%s ;;\n", "\t\t(%s) ((i++)) ;;\n")
	b.WriteString(`		esac
	done
	flag=${words[CURRENT-1]}
	if [[ ${words[CURRENT]} == --*=* ]]; then
		flag=${words[CURRENT]%%=*}
		compset -P '*='
	fi
	case "$at:$flag" in
`)
	values(&b, all, func(v value) string {
		switch {
		case len(v.answers) > 0:
			return fmt.Sprintf("found=(%s); _describe value found; return", strings.Join(v.answers, " "))
		case v.paths == folder:
			return "_files -/; return"
		case v.paths == anyFile:
			return "_files; return"
		}
		return "return"
	})
	b.WriteString("\tesac\n\tcase \"$at\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "\t(%s)\n\t\tif [[ ${words[CURRENT]} == -* ]]; then\n\t\t\tfound=(%s)\n\t\t\t_describe -o flag found\n", quoted(p.at), described(p.flags))
		switch {
		case len(p.commands)+len(p.answers) > 0:
			fmt.Fprintf(&b, "\t\telse\n\t\t\tfound=(%s)\n\t\t\t_describe command found\n", strings.TrimSpace(described(p.commands)+" "+strings.Join(p.answers, " ")))
		case p.files:
			b.WriteString("\t\telse\n\t\t\t_files\n")
		}
		b.WriteString("\t\tfi\n\t\t;;\n")
	}
	// The file is read as the function's own body the first time.
	fmt.Fprintf(&b, "\tesac\n}\nif [[ ${funcstack[1]} == _%s ]]; then\n\t_%[1]s \"$@\"\nfi\n", program)
	return b.String()
}

func fish(program string, all []place) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %s, printed by '%[1]s completion fish'\nfunction __%[1]s_at\n", program)
	b.WriteString("\tset -l at ''\n\tset -l jump 0\n\tfor word in (commandline -opc)[2..-1]\n\t\tif test $jump = 1\n\t\t\tset jump 0\n\t\t\tcontinue\n\t\tend\n\t\tswitch \"$at:$word\"\n")
	walk(&b, all, "\t\tcase %s\n\t\t\tset at %s\n", "\t\tcase %s\n\t\t\tset jump 1\n")
	b.WriteString("\t\tend\n\tend\n\ttest \"$at\" = \"$argv[1]\"\nend\n")
	fmt.Fprintf(&b, "complete -c %s -f\n", program)
	for _, p := range all {
		here := fmt.Sprintf("complete -c %s -n %s", program, quoted(fmt.Sprintf("__%s_at %s", program, quoted(p.at))))
		for _, c := range p.commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", here, c.name, quoted(c.help))
		}
		for _, a := range p.answers {
			fmt.Fprintf(&b, "%s -a %s\n", here, a)
		}
		if p.files {
			fmt.Fprintf(&b, "%s -F\n", here)
		}
		for _, f := range p.flags {
			fmt.Fprintf(&b, "%s -l %s -d %s", here, strings.TrimPrefix(f.name, "--"), quoted(f.help))
			switch {
			case len(f.value.answers) > 0:
				fmt.Fprintf(&b, " -x -a %s", quoted(strings.Join(f.value.answers, " ")))
			case f.value.paths == folder:
				b.WriteString(" -x -a '(__fish_complete_directories)'")
			case f.value.paths == anyFile:
				b.WriteString(" -r -F")
			case f.value.wanted:
				b.WriteString(" -x")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// walk writes the cases that follow the command line: a command leads to the
// next place, the value of a flag is jumped over.
func walk(b *strings.Builder, all []place, next, jump string) {
	for _, p := range all {
		for _, c := range p.commands {
			fmt.Fprintf(b, next, quoted(p.at+":"+c.name), quoted(strings.TrimSpace(p.at+" "+c.name)))
		}
	}
	for _, p := range all {
		for _, f := range p.flags {
			if f.value.wanted {
				fmt.Fprintf(b, jump, quoted(p.at+":"+f.name))
			}
		}
	}
}

// values writes a case for each flag that has a value.
func values(b *strings.Builder, all []place, do func(value) string) {
	for _, p := range all {
		for _, f := range p.flags {
			if f.value.wanted {
				fmt.Fprintf(b, "\t%s) %s ;;\n", quoted(p.at+":"+f.name), do(f.value))
			}
		}
	}
}

func names(words []word) (out []string) {
	for _, w := range words {
		out = append(out, w.name)
	}
	return out
}

// described is each word with its help, as zsh's _describe wants them.
func described(words []word) string {
	var out []string
	for _, w := range words {
		out = append(out, quoted(w.name+":"+w.help))
	}
	return strings.Join(out, " ")
}

// quoted is a word that no shell looks into.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
