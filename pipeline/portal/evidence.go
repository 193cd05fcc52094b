package portal

import (
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

// takeEvidence hands out an evidence pack while it is made. That it was taken is
// on record first, and so on the register in it.
func (p *Portal) takeEvidence(w http.ResponseWriter, v *visit) error {
	if !p.shows(v, evidencePath) {
		redirect(w, evidencePath)
		return nil
	}
	if err := p.cfg.Register.Record(v.Context(), register.RegisterExported{}, v.person.Number); err != nil {
		return fmt.Errorf("recording the export: %w", err)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(evidenceLimit)) // without it, the server's own holds
	out := &begun{to: w}
	err := p.cfg.Evidence(v.Context(), out)
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
		b.to.Header().Set("Content-Type", "application/zip")
		b.to.Header().Set("Content-Disposition", `attachment; filename="evidence.zip"`)
	}
	return b.to.Write(part)
}
