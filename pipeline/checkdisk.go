package pipeline

import (
	"context"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Place is a folder of this machine in which something of Letterlock's lies.
type Place struct {
	What   string // a word of the catalogue's disk-place
	Folder string
}

// volumes are the file systems of this machine that hold something of Letterlock's.
// unknown are those of Places that cannot be measured, as on the disk of another machine
// that is away, and why is why: one of them hides none of the others.
func (s *Server) volumes(ctx context.Context) (all []disk.Volume, unknown []texts.Text, why error) {
	var folders []string
	var rooms []*look[disk.Room] // begun together, so that two that hang are not waited for one after the other
	for _, p := range s.cfg.Places {
		folders = append(folders, p.Folder)
		rooms = append(rooms, s.roomOf(p.Folder).begin(func() (disk.Room, error) { return s.cfg.Room(p.Folder) }))
	}
	next := 0
	all, why = disk.Volumes(folders, func(string) (room disk.Room, err error) {
		place, measured := s.cfg.Places[next], rooms[next]
		next++
		if room, err = measured.wait(ctx, s.diskWait); err != nil && !disk.Unmeasured(err) {
			unknown = append(unknown, texts.Word("disk-place", place.What))
		}
		return room, err
	})
	return all, unknown, why
}

// roomOf is where the disk below a folder is measured.
func (s *Server) roomOf(folder string) *patient[disk.Room] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[folder] == nil {
		s.rooms[folder] = new(patient[disk.Room])
	}
	return s.rooms[folder]
}

// NearlyFull counts the file systems of these places that checkDisk finds too small.
// The error is about those that could not be measured.
func NearlyFull(places []Place) (n int, err error) {
	var folders []string
	for _, p := range places {
		folders = append(folders, p.Folder)
	}
	volumes, err := disk.Volumes(folders, disk.RoomAt)
	return tooSmall(volumes), err
}

func tooSmall(volumes []disk.Volume) (n int) {
	for _, v := range volumes {
		if v.Short() || v.FewFiles() {
			n++
		}
	}
	return n
}

// OwnDisk reports whether a folder's file system holds none of the others. Where file
// systems do not tell one from another it is not known.
func OwnDisk(folder string, others ...string) (own, known bool, err error) {
	volumes, err := disk.Volumes(append([]string{folder}, others...), disk.RoomAt)
	for _, v := range volumes {
		if v.Holds[0] == 0 {
			return len(v.Holds) == 1, err == nil, err
		}
	}
	return false, false, err
}

// checkDisk finds out whether a disk is nearly full: on a full one nothing can be
// recorded, and so nothing is done.
func (s *Server) checkDisk(ctx context.Context) (bad, good texts.Text, err error) {
	volumes, unknown, why := s.volumes(ctx)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	var wrong, right []texts.Text
	if len(unknown) > 0 {
		s.cfg.Log.Warn(sayUnmeasured, "error", why)
		wrong = append(wrong, texts.Say("check-disk.unknown", "places", unknown))
	}
	for _, v := range volumes {
		var places []texts.Text
		for _, i := range v.Holds {
			places = append(places, texts.Word("disk-place", s.cfg.Places[i].What))
		}
		if v.Short() {
			wrong = append(wrong, texts.Say("check-disk.short", "free", words.Size(v.Free), "size", words.Size(v.Size), "places", places))
		} else if v.FewFiles() {
			wrong = append(wrong, texts.Say("check-disk.few-files", "n", int(v.Left), "places", places))
		}
		right = append(right, texts.Say("check-disk.free", "free", words.Size(v.Free), "size", words.Size(v.Size), "places", places))
	}
	if len(right) == 0 && len(wrong) == 0 {
		return nil, texts.Say("check-disk.not-measured"), nil
	}
	return joined("list.sentence", wrong), joined("list.sentence", right), nil
}

// nearlyFull counts the file systems of this machine that checkDisk finds too small;
// why is why one cannot be measured, which is then not counted.
func (s *Server) nearlyFull(ctx context.Context) (n int, why error) {
	volumes, _, why := s.volumes(ctx)
	return tooSmall(volumes), why
}

// roomEvery is how often a server looks how much room its disks have.
const roomEvery = 15 * time.Minute

const sayUnmeasured = "a disk does not answer, so it is not known how much room there is; see whether the disk of the backups is there, or another that the configuration names"

// tellDisks sends administrators the day's mail that a disk of this machine is nearly
// full, while there is still time. Each server does that of its own disks; a mail is
// on record before it is sent, and a crash between a mail server's taking it and the
// note of that makes a second one, with the same Message-ID.
func (s *Server) tellDisks(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if now.Sub(w.measured).Abs() < roomEvery || s.Closed(ctx) {
		return nil
	}
	w.measured = now
	full, why := s.nearlyFull(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why != nil {
		s.cfg.Log.Warn(sayUnmeasured, "error", why)
	}
	return s.tellOfDisks(ctx, w, full, why == nil)
}

// tellOfDisks tells that so many are nearly full, of all or of those that were measured:
// another may still be.
func (s *Server) tellOfDisks(ctx context.Context, w *watch, full int, all bool) error {
	owed, err := s.cfg.Register.OwedMachineMails(ctx, letter.DateOf(s.cfg.Now()), full > 0, full == 0 && all && w.full, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	w.full = full > 0 || !all && w.full
	return sendOwed(s, owed, "mail about a disk", func(m register.Mail) error {
		return s.send(ctx, mail.Message{About: mail.AMachine, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath("check").String(), Disks: full})
	}, func(m register.Mail) error { return s.cfg.Register.DailyMailSent(ctx, m, true) })
}
