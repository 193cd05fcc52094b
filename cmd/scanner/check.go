package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/scanner"
	"letterlock/scanner/child"
	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/words"
)

// errFoundWrong says that check has found something, and has said what.
var errFoundWrong = errors.New("something is wrong")

type checkCmd struct {
	JSON bool `help:"A JSON list of name, ok and says instead of text."`
}

// Run looks; it changes nothing and works beside a running scanner.
func (c *checkCmd) Run(w *world) error {
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	work := w.screen.Begin("Looking into the folder", "", 0)
	lines, err := folder.Check(folder.CheckConfig{Path: cfg.Folder, Helplines: cfg.Helplines,
		Arriving: time.Duration(cfg.ArrivingLimit), Now: time.Now(), Complete: scanner.Complete})
	work.End()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		lines = []folder.Line{{Name: "folder", Says: "There is no folder " + cfg.Folder + ". 'scanner run' makes it; if a share should be mounted there, mount it first."}}
	case err != nil:
		lines = []folder.Line{{Name: "folder", Says: fmt.Sprintf("The scanner folder cannot be read: %s.", configfile.Reason(err))}}
	}
	work = w.screen.Begin("Asking the storage", "question", 4)
	more, err := cfg.checkStore(w, work)
	work.End()
	if err != nil {
		return err
	}
	lines = append(lines, scanner.CheckFolder(cfg.Folder, cfg.State, cfg.titles())...)
	lines = append(append(lines, more...), cfg.checkDisks(disk.RoomAt)...)
	lines = append(append(lines, cfg.checkFiles(w.config)...), confinement()...)
	if c.JSON {
		enc := json.NewEncoder(w.out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(lines)
	} else {
		err = write(w, lines)
	}
	for _, l := range lines {
		if !l.OK && err == nil {
			err = errFoundWrong
		}
	}
	return err
}

func write(w *world, lines []folder.Line) error {
	for _, l := range lines {
		word := "ok"
		if !l.OK {
			word = "LOOK"
		}
		if _, err := fmt.Fprintf(w.out, "%-4s  %-11s  %s\n", word, l.Name, l.Says); err != nil {
			return err
		}
	}
	return nil
}

// confinement says what the child processes that read scans are not denied. It
// is no fault of anybody's that a system lacks the means.
func confinement() []folder.Line {
	lines := []folder.Line{}
	for _, says := range child.Confinement() {
		lines = append(lines, folder.Line{Name: "confinement", OK: true, Says: says})
	}
	if len(lines) == 0 {
		lines = append(lines, folder.Line{Name: "confinement", OK: true, Says: "What reads scans can open no files and use no network."})
	}
	return lines
}

// checkFiles finds out whether other accounts of this machine can read this scanner's keys.
// There is no line where rights are not told by a file's mode.
func (c *Config) checkFiles(config string) []folder.Line {
	if runtime.GOOS == "windows" {
		return nil
	}
	line := folder.Line{Name: "files", OK: true, Says: "This scanner's keys can be read by its account alone."}
	bad := configfile.Exposed([]configfile.Private{
		{What: "the scanner's signing key", Path: configfile.Beside(config, c.SiteKeyFile)},
		{What: "the storage's secret key", Path: configfile.Beside(config, c.Storage.SecretKeyFile)},
	})
	if bad != "" {
		line.OK, line.Says = false, bad
	}
	return []folder.Line{line}
}

// checkDisks finds out whether a disk on which scans lie, or this scanner's own
// memory, is nearly full: scans wait on a full one.
func (c *Config) checkDisks(measure func(folder string) (disk.Room, error)) []folder.Line {
	volumes, err := disk.Volumes([]string{c.Folder, c.State}, measure)
	var lines []folder.Line
	if err != nil { // of one of them, which hides not the other
		lines = append(lines, folder.Line{Name: "disk", Says: fmt.Sprintf("It could not be found out how full the disks are: %s.", err)})
	}
	for _, v := range volumes {
		var holds []string
		for _, i := range v.Holds {
			holds = append(holds, [...]string{"the scanner folder", "this scanner's own memory"}[i])
		}
		line := folder.Line{Name: "disk", OK: true, Says: fmt.Sprintf("%s of %s are free where these lie: %s.", words.Size(v.Free), words.Size(v.Size), strings.Join(holds, ", "))}
		if v.Short() {
			line.OK = false
			line.Says = "A disk is nearly full. " + line.Says + " When it is full scans wait, and nothing is lost. Make room on it or take a larger one; remove nothing in .letterlock, nor any scan."
		} else if v.FewFiles() {
			line.OK = false
			line.Says = fmt.Sprintf("A disk is nearly full of small files: only %s more can be made where these lie: %s. When it is full scans wait, and nothing is lost. Find what makes so many there, or take a disk that holds more; remove nothing in .letterlock, nor any scan.",
				words.Number(int(v.Left), "file"), strings.Join(holds, ", "))
		}
		lines = append(lines, line)
	}
	return lines
}

const (
	patience = 20 * time.Second // for how long the store is asked each question
	maxSkew  = 5 * time.Minute  // between the clocks; a scanner waits beyond it
)

// checkStore asks the store what a scanner asks it, which work counts.
func (c *Config) checkStore(w *world, work *progress.Work) ([]folder.Line, error) {
	server, err := c.server(w.config)
	if err != nil {
		return nil, err
	}
	store, err := c.store(w.config)
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()
	ctx, cancel := context.WithTimeout(w.ctx, 2*patience)
	defer cancel()
	clock := checkClock(ctx, store)
	work.Add(1)
	keys := believed(ctx, store, server, c.State)
	list := folder.Line{Name: "recipients"}
	msg, err := store.Get(ctx, letter.RecipientsKey)
	work.Add(1)
	switch {
	case errors.Is(err, deposit.ErrNotFound), errors.Is(err, deposit.ErrRefused):
		// To somebody who may not list, S3 says the same of both.
		list.Says = "The store gives this scanner no recipients list: the server has published none yet, or the store no longer knows this scanner's credentials. 'letterlock check' on the server says which."
	case errors.Is(err, deposit.ErrUnavailable):
		list.Says = "The recipients list cannot be read: the store cannot be reached."
	case err != nil:
		list.Says = fmt.Sprintf("The recipients list cannot be read: %s.", err)
	default:
		var recipients seal.Recipients
		if recipients, err = letter.ByAny(seal.OpenRecipients, msg, keys); err != nil {
			list.Says = fmt.Sprintf("The recipients list in the store is not the server's: %s. Letters wait. Find out who else can write to the bucket, or whether server_key is the key of another server.", err)
		} else {
			list.OK, list.Says = judge(recipients, time.Now())
		}
	}
	put := c.checkPut(ctx, store, time.Now())
	work.Add(1)
	lines := append([]folder.Line{clock}, checkCertificate(ctx, store, time.Now())...)
	lines = append(lines, list, put, checkVersions(ctx, store, keys))
	return append(lines, c.checkKey(w.config, time.Now())...), nil
}

// checkPut finds out whether this scanner may put what it has to: sealed letters, and its
// word on them. It leaves nothing there: the hash that comes along is that of other
// bytes, of which a store tells whoever may put there, and nobody else.
func (c *Config) checkPut(ctx context.Context, store *deposit.S3, now time.Time) folder.Line {
	line := folder.Line{Name: "put", OK: true, Says: "The store lets this scanner put letters and what it says of them."}
	keys := []string{letter.ReportKey(c.Site)}
	for _, helpline := range c.Helplines {
		keys = append(keys, letter.ObjectKey(letter.SixMonths, helpline, letter.DateOf(now), letter.NewID()))
	}
	for _, key := range keys {
		body := []byte("scanner check: nothing")
		_, err := store.Put(ctx, key, bytes.NewReader(body), int64(len(body)), sha256.Sum256([]byte("scanner check: something else")), deposit.CreateOnly)
		switch {
		case errors.Is(err, deposit.ErrWrongHash), errors.Is(err, deposit.ErrExists):
		case errors.Is(err, deposit.ErrRefused):
			line.OK, line.Says = false, fmt.Sprintf("The store does not let this scanner put anything below %s. Letters are sealed and wait here; nothing is lost. Somebody has taken that right from this scanner's user of the store: give it back, or make new credentials on the server with 'letterlock edge storage %s --out FILE'. Where the scanner was revoked ('letterlock edge list' says so) it is to be invited anew.", path.Dir(key), c.Site)
			return line
		case errors.Is(err, deposit.ErrUnavailable):
			line.OK, line.Says = false, "The store could not be asked whether this scanner may put letters."
			return line
		case err != nil:
			line.OK, line.Says = false, fmt.Sprintf("The store takes nothing from this scanner: %s.", err)
			return line
		default:
			line.OK, line.Says = false, "The store took something whose hash was wrong: it does not compare what it is given. 'letterlock check storage' on the server says what that means."
			return line
		}
	}
	return line
}

// checkVersions compares this scanner's version with the server's.
func checkVersions(ctx context.Context, store *deposit.S3, server []note.Verifier) folder.Line {
	own := letter.Program(commandline.Version())
	line := folder.Line{Name: "version", OK: true, Says: fmt.Sprintf("This scanner is version %s; the server has not said which it is.", own)}
	msg, err := store.Get(ctx, letter.AboutKey)
	if err != nil {
		return line
	}
	about, err := letter.ByAny(letter.OpenAbout, msg, server)
	if err != nil {
		return line
	}
	line.Says = fmt.Sprintf("This scanner is version %s, the server %s.", own, about.Program)
	switch own.Apart(about.Program) {
	case letter.SkewUnknown:
		line.Says += " Whether they fit together nobody can tell: not both are of a release."
	case letter.SkewOne:
		line.Says += " They work together; bring the older one up to date when you can."
	case letter.SkewMore:
		line.OK = false
		line.Says += " They are more than one release apart, which nobody has tried. What is scanned is taken all the same; bring the older one up to date."
	}
	return line
}

// checkClock compares this machine's clock with the store's, which also shows
// whether the store can be reached.
func checkClock(ctx context.Context, store *deposit.S3) folder.Line {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there, err := store.Clock(ctx)
	switch apart := time.Since(there).Abs(); {
	case errors.Is(err, deposit.ErrUnavailable), ctx.Err() != nil:
		return folder.Line{Name: "store", Says: "The store cannot be reached. Scans are still taken and wait here until it is back; nothing is lost."}
	case err != nil:
		if shown, not := store.Certificate(ctx); shown != nil && not != nil {
			return folder.Line{Name: "store", Says: "The store is asked nothing, since its certificate is not believed: the line about that says what to do. Scans are still taken and wait here; nothing is lost."}
		}
		return folder.Line{Name: "store", Says: fmt.Sprintf("The store does not say what time it is: %s.", err)}
	case apart > maxSkew:
		return folder.Line{Name: "store", Says: fmt.Sprintf("This machine's clock differs from the store's by %s. Scans wait until one of them is set right.", words.Lasted(apart))}
	}
	return folder.Line{Name: "store", OK: true, Says: "The store answers, and its clock agrees with this machine's."}
}

// judge says whether letters can be sealed now with that list.
func judge(list seal.Recipients, now time.Time) (ok bool, says string) {
	week := letter.WeekOf(letter.Deadline(letter.DateOf(now), letter.SixMonths))
	if !now.Before(list.ValidUntil) {
		return false, fmt.Sprintf("The recipients list ran out on %s: the server has not renewed it. Letters wait until it does.",
			list.ValidUntil.In(letter.London).Format("2 January 2006, 15:04"))
	}
	if _, err := list.For(week); err != nil {
		return false, fmt.Sprintf("The recipients list has no key for letters that arrive now (week %s). They wait until the server publishes it.", week)
	}
	return true, fmt.Sprintf("The recipients list is the server's, and valid until %s.", list.ValidUntil.In(letter.London).Format("2 January 2006, 15:04"))
}
