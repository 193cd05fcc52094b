package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// Whoever looks after the server's container asks whether it works: one of which somebody
// must see to something is well, and one that has died, hangs or was ended is not.
func TestTheHealthCheckAsksWhetherTheServerWorks(t *testing.T) {
	asks := readComposition(t, read(t, top+"docker-compose.yml")).Services["letterlock"].Healthcheck.Test
	if image := `CMD ["` + strings.Join(asks[1:], `", "`) + `"]`; !strings.Contains(read(t, "Dockerfile"), image) {
		t.Errorf("the image asks something else than %s", image)
	}
	data := newSample(t)
	answers := func(when string, status int, says string) {
		t.Helper()
		out, err := letterlockCmd(t, data, asks[2:]...).CombinedOutput()
		if exitCode(err) != status || !strings.Contains(string(out), says) {
			t.Errorf("%s, letterlock %v ended with %v and said:\n%s", when, asks[2:], err, out)
		}
	}
	answers("before it has begun", exitWrong, "No server is at work here")
	p := start(t, data, "", "--sample")
	p.isSetUp()
	p.eventually("it is at work", func() bool {
		out, err := looks(data, asks[2:]...)
		return err == nil && strings.Contains(out, "at work")
	})
	in := beside(t, data)
	must(t, in.register.KeepClosed(t.Context(), []register.RestoreSign{register.SignPerson}))
	in.close()
	if out, err := letterlockCmd(t, data, "status").CombinedOutput(); exitCode(err) != exitWrong {
		t.Errorf("nobody must see to it that it is closed: status ended with %v and said:\n%s", err, out)
	}
	answers("while an alarm stands", exitDone, "The server here is at work")

	must(t, p.cmd.Process.Kill())
	p.wait()
	db, err := sql.Open("sqlite", filepath.Join(data, "state", "letterlock.db"))
	must(t, err)
	_, err = db.Exec(`UPDATE servers SET clock = clock - 120000`) // two minutes later
	must(t, err)
	must(t, db.Close())
	answers("two minutes after it has died", exitWrong, "no sign of life since")
}
