// Letterlock digitises the paper letters of a helpline: scans are sealed,
// stored, opened by the helpline's team leaders and, on their deadline, gone
// with proof. See the README.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// Exit statuses; scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUse    = 2
	exitWrong  = 3 // what was looked at is wrong, or a scanner's user of the storage is left; the README says of which commands
)

// errFoundWrong ends a command that worked and found something wrong.
var errFoundWrong = errors.New("something is wrong")

// errInterrupted ends a command that only reads, when it is told to end.
var errInterrupted = errors.New("interrupted")

// crashPoint observes each step of a letter. The crash tests end the process here.
var crashPoint = func(step string, id letter.ID) {}

// systemClock is this machine's. A test sets it wrong.
var systemClock = time.Now

// pace is how often each role looks for work; 0 is the role's own. The test of
// a whole year makes haste with it.
var pace time.Duration

// cli is the command line.
type cli struct {
	Data   string `help:"The data folder." default:"letterlock-data" env:"LETTERLOCK_DATA" type:"path" placeholder:"DIR"`
	Config string `help:"The configuration file; letterlock.toml in the data folder by default." env:"LETTERLOCK_CONFIG" type:"path" placeholder:"FILE"`

	commandline.Log
	Version kong.VersionFlag `help:"Say which version this is."`

	Up        upCmd        `cmd:"" help:"Play every role on this machine: scanner, server and portal. Makes the data folder when it is missing." example:"letterlock up --data letters; letterlock up --sample --clock 2027-05-26"`
	Serve     serveCmd     `cmd:"" help:"Play the server's role alone; scanners run elsewhere. Makes the data folder when it is missing." example:"letterlock serve --listen localhost:8080"`
	Setup     setupCmd     `cmd:"" help:"Prepare bucket, keys and scanners, and end." example:"letterlock setup --settings; letterlock setup --dry-run; letterlock setup; letterlock setup --no-input --origin https://letters.example.org --storage https://s3.example.org --bucket letters --server-user letterlock-server --storage-admin /mnt/stick/storage-admin --helpline \"advice=Advice Line\" --admin-name \"Ada Example\"; letterlock setup --test-mail you@example.org; letterlock setup --repair; letterlock setup --server-user letterlock-server --storage-admin /mnt/stick/storage-admin; letterlock setup --print-policies; letterlock setup --move-database /etc/letterlock/database"`
	Check     checksCmd    `cmd:"" help:"Look at everything that a person may have to mend, or try out a storage. Ends with 3 when there is something." example:"letterlock check; letterlock check --clock-is-right"`
	Status    statusCmd    `cmd:"" help:"Count letters, papers and what waits. Ends with 3 when there is an alarm, or something has outlived its time." example:"letterlock status; letterlock status --json"`
	Letters   lettersCmd   `cmd:"" help:"List the living letters." example:"letterlock letters --json"`
	Edge      edgeCmd      `cmd:"" help:"The scanners on other machines: invite one, list them, end one."`
	Server    serverCmd    `cmd:"" help:"The servers on this register: list them, ask whether this one works, forget one that has died."`
	Held      heldCmd      `cmd:"" help:"What scanners have announced and nobody believes, and what to do about it."`
	User      userCmd      `cmd:"" help:"Add people, disable them, make enrolment codes."`
	Key       keyCmd       `cmd:"" help:"The expiry weeks' keys, and their shares with custodians."`
	Separator separatorCmd `cmd:"" help:"Print sheets to lay between the letters of a stack that is scanned in one go, and cover sheets, to a PDF." example:"letterlock separator --out separators.pdf; letterlock separator --helpline respect-phoneline --cover 7 --out cover.pdf"`
	Backup    backupCmd    `cmd:"" help:"Make a backup of the register and the settings, sealed and without letters, and remove those whose time is over." example:"letterlock backup"`
	Restore   restoreCmd   `cmd:"" help:"Restore a backup, or try out whether it comes back; after a restore: catch up with what the register or the bucket has missed, and open again." example:"letterlock restore; letterlock restore --drill --from letterlock-20261128T040000Z.tar.age --key /mnt/stick/backup-key.txt"`
	Register  registerCmd  `cmd:"" help:"Export the register, or verify an export."`
	Evidence  evidenceCmd  `cmd:"" help:"Write the evidence pack for an auditor: policy, procedure, register, certificates, proofs, and what is demanded and where it is met. Ends with 3 when something is wrong." example:"letterlock evidence --out pack.zip"`
	Retention retentionCmd `cmd:"" help:"The organisational retention record of a period: what arrived, was destroyed, deleted, held, kept for five years. Ends with 3 when it does not add up." example:"letterlock retention 2026-Q4; letterlock retention 2026 --pdf record-2026.pdf"`

	commandline.Commands
}

func main() {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return // this process was a child that handles one scan or letter
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run plays one command line and returns its exit status.
func run(args []string, out, errout io.Writer) (status int) {
	var c cli
	screen := progress.On(errout)
	out, errout = screen.Beside(out), screen
	ended := false
	parser, err := kong.New(&c, commandline.Option("letterlock"), kong.Writers(out, errout),
		kong.Description("The letters of a helpline: scanned, sealed, read, destroyed, with proof."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(code int) { ended, status = true, code }))
	if err != nil {
		panic(err) // a mistake in the command line's own description
	}
	for _, path := range []string{"LETTERLOCK_DATA", "LETTERLOCK_STORAGE_ADMIN"} {
		if named, set := os.LookupEnv(path); set && named == "" {
			_ = os.Unsetenv(path) // empty means the default, not the current folder
		}
	}
	parsed, err := parser.Parse(args)
	if ended {
		return status // --help
	}
	if err != nil {
		fmt.Fprintf(errout, "letterlock: %s. See letterlock --help\n", err)
		return exitUse
	}
	if commandline.WantsJSON(parsed) || c.JSON() {
		screen = screen.Silent()
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup: it is to go on
		// The terminal is gone: what a drill has unpacked must not stay behind.
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	dir, err := locate(c.Data, c.Config)
	if err == nil {
		err = parsed.Run(&world{ctx, dir, bufio.NewReader(commandline.Input(ctx, os.Stdin)), out, errout, c.Logger(errout), screen})
	}
	return statusOf(err, errout)
}

// statusOf says once, in plain words, what went wrong.
func statusOf(err error, errout io.Writer) int {
	var use configfile.Mistake
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFoundWrong):
		return exitWrong
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(errout, "letterlock: interrupted. Nothing was changed")
		return exitFailed
	case errors.As(err, &use):
		fmt.Fprintf(errout, "letterlock: %s\n", use.Says)
		return exitUse
	}
	fmt.Fprintf(errout, "letterlock: %s\n", say(err))
	return exitFailed
}
