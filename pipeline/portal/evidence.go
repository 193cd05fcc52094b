package portal

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// evidenceLimit is how long an evidence pack may take to be made and fetched: the
// storage is tried out for it, and the whole register is read several times.
const evidenceLimit = time.Hour

// evidencePage says what an evidence pack is.
func (p *Portal) evidencePage(w http.ResponseWriter, v *visit) error {
	return p.ok(w, v, page{Name: "evidence", Title: texts.Say("evidence.evidence-pack"), Script: "passkey.js",
		Body: evidenceBody{Shown: p.shows(v, evidencePath), Path: evidencePath, Origin: p.cfg.Origin}})
}

// evidencePath is where the visitor shows anew who they are before a pack leaves.
const evidencePath = "/evidence"

type evidenceBody struct {
	Shown        bool // a pack may be taken
	Path, Origin string
}

// A pack takes long, and a browser shows nothing of a file before its first byte. So
// whoever asks for one comes to a page which says that it is being made, and which
// has the browser fetch it: by its header, without any script. The page stays until
// the file is there. What was asked for is on record by then, and may be fetched once,
// for as long as what the person has shown anew counts, in that session; nothing of a
// pack is kept for it.

// underEvidence is a pack that was asked for.
func (v *visit) underEvidence(token string) register.Underway {
	return register.Underway{Kind: "evidence", Token: token, Session: v.session}
}

// askEvidence puts on record that a pack is taken, before anything of it is made: so
// that is on the register in it.
func (p *Portal) askEvidence(w http.ResponseWriter, v *visit) error {
	if !p.shows(v, evidencePath) {
		redirect(w, evidencePath)
		return nil
	}
	if err := p.cfg.Register.Record(v.Context(), register.RegisterExported{}, v.person.Number); err != nil {
		return fmt.Errorf("recording the export: %w", err)
	}
	asked := v.underEvidence(rand.Text())
	asked.Ends = p.cfg.Now().Add(againCounts)
	if err := p.cfg.Register.KeepUnderway(v.Context(), asked, register.Room{}); err != nil {
		return fmt.Errorf("keeping what was asked for: %w", err)
	}
	redirect(w, makingPath+"?asked="+asked.Token)
	return nil
}

const makingPath = "/evidence/making"

// askedEvidence reports whether the visitor has asked for the pack of the address, and
// may still fetch it. Whoever fetched it before is told that it is fetched once.
func (p *Portal) askedEvidence(v *visit) (asked bool, err error) {
	u := v.underEvidence(v.URL.Query().Get("asked"))
	if err := p.cfg.Register.FindUnderway(v.Context(), &u); err != nil {
		return false, unlessNotFound(err)
	}
	if u.Body == evidenceFetched {
		return false, packFetched
	}
	return p.shows(v, evidencePath), nil
}

// evidenceFetched is what stands of a pack that was asked for from the moment on in
// which it is fetched: one record, one pack. A crash after it, or a line that breaks,
// costs another record, and never hands out a pack that is on none.
const evidenceFetched = "fetched"

// fetchesEvidence has the pack of the address be fetched, by this visit and no other.
func (p *Portal) fetchesEvidence(v *visit) error {
	return p.cfg.Register.ChangeUnderway(v.Context(), v.underEvidence(v.URL.Query().Get("asked")), func(u *register.Underway) error {
		if u.Body == evidenceFetched {
			return packFetched
		}
		u.Body = evidenceFetched
		return nil
	})
}

// makingPage says that a pack is being made, and has the browser fetch it.
func (p *Portal) makingPage(w http.ResponseWriter, v *visit) error {
	asked, err := p.askedEvidence(v)
	if err != nil {
		return err
	}
	if !asked {
		redirect(w, evidencePath)
		return nil
	}
	w.Header().Set("Refresh", "0; url=/evidence/pack.zip?asked="+v.URL.Query().Get("asked"))
	return p.ok(w, v, page{Name: "making", Title: texts.Say("evidence.being-made")})
}

// takeEvidence hands out an evidence pack while it is made.
func (p *Portal) takeEvidence(w http.ResponseWriter, v *visit) error {
	asked, err := p.askedEvidence(v)
	if err != nil {
		return err
	}
	if !asked {
		redirect(w, evidencePath)
		return nil
	}
	if v.Method == http.MethodHead {
		ofPack(w.Header()) // whoever only asks whether there is a pack has not fetched it
		return nil
	}
	if err := p.fetchesEvidence(v); err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(evidenceLimit)) // without it, the server's own holds
	out := &begun{to: w}
	err = p.cfg.Evidence(v.Context(), out)
	if err != nil && out.any {
		// Cut off: without its end no zip opens.
		p.logFailure(v, err.Error())
		panic(http.ErrAbortHandler)
	}
	return err
}

// begun is a download that has its headers from its first byte on: until then a
// fault can still become a plain page.
type begun struct {
	to  http.ResponseWriter
	any bool
}

func (b *begun) Write(part []byte) (int, error) {
	if !b.any {
		b.any = true
		ofPack(b.to.Header())
	}
	return b.to.Write(part)
}

func ofPack(h http.Header) {
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="evidence.zip"`)
}
