package portal

import (
	"encoding/json"
	"net/http"

	"letterlock/pipeline/register"
)

// checkpoint shows the day's checkpoint of the register to everybody, as text.
// Witnesses read it on machines of their own. It changes once a day: a newer
// one would tell strangers when somebody is at work on a letter.
func (p *Portal) checkpoint(w http.ResponseWriter, v *visit) error {
	_, today, err := p.cfg.Register.Today(v.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(today.Checkpoint)) // the reader has gone if this fails
	return nil
}

// checkpointKeys shows how the register's signing key was changed, so that whoever
// holds one of the keys can open every checkpoint.
func (p *Portal) checkpointKeys(w http.ResponseWriter, v *visit) error {
	changes, err := p.cfg.Register.KeyChanges(v.Context())
	if err != nil {
		return err
	}
	if changes == nil {
		changes = []register.KeyChange{} // an empty list, and not null
	}
	writeJSON(w, http.StatusOK, changes)
	return nil
}

// checkpointGrowth proves that what the day's checkpoint, or an earlier size
// of the register (`to`), stands for begins with its first `from` entries. The
// proof is a list of hashes, which tell nothing of what was hashed.
func (p *Portal) checkpointGrowth(w http.ResponseWriter, v *visit) error {
	_, today, err := p.cfg.Register.Today(v.Context())
	if err != nil {
		return err
	}
	known, err := p.cfg.Register.OpenHead(v.Context(), today.Checkpoint)
	if err != nil {
		return err
	}
	from, to := wholeNumber(v.FormValue("from")), known.Entries
	if v.FormValue("to") != "" {
		to = wholeNumber(v.FormValue("to"))
	}
	if from < 1 || from > to || to > known.Entries {
		return noProof
	}
	growth, err := p.cfg.Register.ProveGrowth(v.Context(), from, to)
	if err != nil {
		return err
	}
	body, err := json.Marshal(growth)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
	return nil
}
