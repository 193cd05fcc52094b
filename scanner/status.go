package scanner

import (
	"path"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
)

// statusEvery is how old the STATUS.txt of a helpline may be although nothing
// has changed. Whoever opens one that is much older learns that nobody works.
const statusEvery = time.Minute

// statusAtMost is how often it is written at most, however much happens.
const statusAtMost = 5 * time.Second

// posted is what STATUS.txt says of a helpline, and since when.
type posted struct {
	text string // without its time
	at   time.Time
}

// post keeps the STATUS.txt in each helpline's folder fresh. A crash leaves the
// one that was there before.
func (e *Edge) post(view folder.View) {
	var failed error
	for _, helpline := range e.Helplines {
		now, was := e.Now(), e.posted[helpline]
		age := now.Sub(was.at).Abs()
		if age < statusAtMost {
			continue // before it is put into words, which takes a look at every letter
		}
		text := e.status(helpline, view)
		if text == was.text && age < statusEvery {
			continue
		}
		when := say(e.Language, "status.last-look", "when", stampWeekday(e.Language, now, "15:04"))
		// Not synced: it is written anew after every start, and every minute.
		err := disk.Post(e.folder.Disk(), path.Join(helpline, folder.StatusFile), 0o664,
			[]byte(text+"\r\n\r\n"+when+"\r\n"))
		if err != nil {
			failed = err
			continue
		}
		e.posted[helpline] = posted{text, now}
		e.room.found = true
	}
	if e.foundNoRoom(failed) {
		return
	}
	if failed != nil {
		e.tell("status", "The file "+folder.StatusFile+" cannot be written: "+failed.Error()+". Scans are taken all the same.")
		return
	}
	e.tell("status", "")
}

// status is what operations want to know of a helpline's folder.
func (e *Edge) status(helpline string, view folder.View) string {
	l := e.Language
	lines := []string{say(l, "status.begins", "helpline", e.title(helpline))}
	arriving := say(l, "status.arriving-none")
	for _, a := range view.Arriving {
		if a.Helpline != helpline {
			continue
		}
		arriving = say(l, "status.arriving", "n", a.Files, "lasted", lasted(l, e.Now().Sub(a.Since)))
		if a.Stuck > 0 {
			arriving += " " + say(l, "status.stuck", "n", a.Stuck)
		}
	}
	lines = append(lines, arriving)
	ready, n, waiting := e.underWay(helpline)
	if ready > 0 {
		lines = append(lines, say(l, "status.arrived", "n", ready))
	}
	taking, sealed := say(l, "status.taking-none"), say(l, "status.sealed-none")
	if n > 0 {
		taking = say(l, "status.taking", "n", n)
	}
	if waiting > 0 {
		sealed = say(l, "status.sealed", "n", waiting)
	}
	if e.page.helpline == helpline {
		taking += " " + say(l, "status.looking", "page", e.page.n, "of", e.page.of)
	}
	lines = append(lines, taking, sealed)
	lines = append(lines, e.asksAgain(helpline)...)
	lines = append(lines, e.waitsForPeople(helpline)...)
	for _, about := range []string{"lost", "foreign", "room", "folder", "open", "store", "clock", "clock-list", "recipients", "server-key"} {
		if said := e.told[about]; said != "" {
			lines = append(lines, said)
		}
	}
	return strings.Join(lines, "\r\n\r\n")
}

// underWay counts what has settled and is not claimed yet, what is claimed, and
// what is sealed and has no receipt.
func (e *Edge) underWay(helpline string) (ready, taking, waiting int) {
	for _, scan := range e.left {
		if scan.Helpline == helpline {
			ready++
		}
	}
	for _, j := range e.jobs {
		switch {
		case j.end || j.taken || e.helplineOf(j) != helpline:
		case j.manifest == nil:
			taking++
		default:
			waiting++
		}
	}
	return ready, taking, waiting
}

// waitsForPeople says what was given back to people and where to look for what to
// do.
func (e *Edge) waitsForPeople(helpline string) (lines []string) {
	for _, dir := range append([]string{folder.RefusedDir}, folder.QuestionDirs...) {
		switch n := e.folder.GivenBack(helpline, dir); {
		case n == 0:
		case dir == folder.RefusedDir:
			lines = append(lines, say(e.Language, "status.refused", "n", n))
		default:
			lines = append(lines, say(e.Language, "status.asked", "n", n, "folder", dir))
		}
		since := e.folder.Oldest(helpline, dir)
		switch lain := lasted(e.Language, e.Now().Sub(since)); folder.LyingSince(since, e.Now()) {
		case folder.Overlooked:
			lines = append(lines, say(e.Language, "status.overlooked", "folder", dir, "lasted", lain))
		case folder.Outstayed:
			lines = append(lines, say(e.Language, "status.outstayed", "folder", dir, "lasted", lain))
		}
	}
	return lines
}

func (e *Edge) helplineOf(j *job) string {
	if j.manifest != nil {
		return j.manifest.Helpline
	}
	return j.claim.Helpline
}
