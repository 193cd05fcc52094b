// Package commandline makes, from the one description that kong has of a
// program, what people have beside it: examples in its help, completion for
// their shell, and its manual page.
//
// It is our own because what there is does not do: kongplete (2023) leaves fish
// and zsh to a layer over bash and starts the program at every press of Tab,
// and mango-kong (2022) knows no examples. What is made here is text that needs
// the program no more.
package commandline

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/mod/semver"
)

// Commands are those that every program of Letterlock has.
type Commands struct {
	Completion completionCmd `cmd:"" help:"Print the completion of commands for a shell, to be read by it at its start." example:"${program} completion bash"`
	Man        manCmd        `cmd:"" help:"Print the manual page, for man." example:"${program} man"`
}

// Option has the parser know its program's name and version, and say examples.
// A command has them in its tag, with semicolons between:
// example:"letterlock letters; letterlock letters --json".
func Option(program string) kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, o := range []kong.Option{kong.Name(program), kong.Vars{"program": program, "version": VersionInFull()},
			kong.PostBuild(sayExamples)} {
			if err := o.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// WantsJSON reports whether the command's answer is for another program.
func WantsJSON(parsed *kong.Context) bool {
	for _, f := range parsed.Flags() {
		if asked, is := parsed.FlagValue(f).(bool); f.Name == "json" && is && asked {
			return true
		}
	}
	return false
}

// released is the version that whoever builds an image names, since it is built without
// the history of its source: -ldflags="-X letterlock/cmd/commandline.released=v1.4.0".
var released string

// Version is what was built, as in v1.4.0; Go takes it from the tag, and what was built
// without the history of its source, and named by nobody, is Unreleased.
func Version() string {
	if semver.IsValid(released) {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Unreleased
	}
	return named(info.Main.Version)
}

// Unreleased stands for the version of a program of which nobody can know it.
const Unreleased = "unreleased"

func named(version string) string {
	if version == "" || version == "(devel)" {
		return Unreleased
	}
	return version
}

// VersionInFull also names the Go that built it.
func VersionInFull() string { return inFull(Version()) }

func inFull(version string) string {
	if version == Unreleased {
		version += ", built from source without its git history"
	}
	return version + " " + runtime.Version()
}

// built is when the program's source was committed, and now where a build does
// not know.
func built() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" {
				return at
			}
		}
	}
	return time.Now()
}

// Examples are a command's, in the order of its tag. What stands for the
// program's name has it.
func Examples(app *kong.Application, n *kong.Node) []string {
	if all := n.Tag.Get("example"); all != "" {
		return strings.Split(strings.ReplaceAll(all, "${program}", app.Name), "; ")
	}
	return nil
}

// sayExamples adds the examples of every command to its help.
func sayExamples(k *kong.Kong) error {
	for _, n := range commands(k.Model.Node) {
		if examples := Examples(k.Model, n); len(examples) > 0 {
			// Indented lines are kept as they are.
			n.Detail = strings.TrimSpace(fmt.Sprintf("%s\n\nExamples:\n\n    %s", n.Detail, strings.Join(examples, "\n    ")))
		}
	}
	return nil
}

// commands are all below a node, parents first, without hidden ones.
func commands(n *kong.Node) (all []*kong.Node) {
	for _, child := range n.Children {
		if !child.Hidden {
			all = append(append(all, child), commands(child)...)
		}
	}
	return all
}

// place is a point of the command line: which words may come next there.
type place struct {
	at       string // the commands up to here, with spaces between
	commands []word
	flags    []word
	answers  []string // what may be the argument there, if these are all
	files    bool     // whether arguments are anything but commands and answers
}

// word is one that may be typed.
type word struct {
	name, help string
	value      value // what follows a flag
}

// value is what follows a flag.
type value struct {
	wanted  bool
	answers []string // one of these, where there are some
	paths   kind     // a file or folder
}

type kind int

const (
	noPath kind = iota
	anyFile
	folder
)

// places are all of a program, its beginning first.
func places(app *kong.Application) (all []place) {
	for _, n := range append([]*kong.Node{app.Node}, commands(app.Node)...) {
		p := place{at: at(n)}
		for _, child := range n.Children {
			if !child.Hidden {
				p.commands = append(p.commands, word{name: child.Name, help: short(child.Help)})
			}
		}
		whose := n
		if n.DefaultCmd != nil && n.DefaultCmd.Tag.Default == "withargs" {
			whose = n.DefaultCmd // its flags may follow at once, as in 'check --json'
		}
		for _, group := range whose.AllFlags(true) {
			for _, f := range group {
				p.flags = append(p.flags, word{name: "--" + f.Name, help: short(f.Help), value: valueOf(f)})
			}
		}
		for _, arg := range n.Positional {
			if arg.Enum != "" {
				p.answers = append(p.answers, arg.EnumSlice()...)
			} else {
				p.files = true
			}
		}
		all = append(all, p)
	}
	return all
}

// at is the command up to a node, without the program's name.
func at(n *kong.Node) string {
	if n.Type == kong.ApplicationNode {
		return ""
	}
	return strings.TrimSpace(at(n.Parent) + " " + n.Name)
}

func valueOf(f *kong.Flag) value {
	v := value{wanted: !f.IsBool()}
	if f.Enum != "" {
		v.answers = f.EnumSlice()
	}
	if f.Tag.Type == "path" {
		v.paths = anyFile
		if f.PlaceHolder == "DIR" {
			v.paths = folder
		}
	}
	if _, is := f.Target.Interface().(kong.VersionFlag); is {
		v.wanted = false
	}
	return v
}

// short is the first sentence of a help, without its full stop.
func short(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	first, _, _ = strings.Cut(strings.TrimSuffix(first, "."), ": ")
	return first
}
