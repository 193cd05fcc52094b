package evidence

import (
	"slices"

	"letterlock/pipeline/texts"
)

// demand is one thing that a standard, a law or the policy asks for, and what
// the pack has to show for it.
type demand struct {
	Source string
	Says   texts.Text // what is demanded, in our words; of the policy, in its own
	Met    string     // one of those below
	Where  texts.Text // where it is met, or why it is not
	Files  []string   // of the pack
}

// How a demand is met, as the texts for it are called.
const (
	yes    = "yes"
	inPart = "in-part"
	no     = "no"
)

// The files that answers point to.
const (
	transfers    = "transfer-notes.html"
	destructions = "destruction-certificates.html"
	deletions    = "deletion-proofs.html"
	keyEnds      = "key-ends.html"
	procedure    = "procedure.html"
	processing   = "processing-record.html"
	schedule     = "retention-schedule.html"
	storage      = "storage.html"
	verification = "verification.txt"
	theRegister  = "register.ndjson"
	thePolicy    = "policy.md"
)

var (
	// fromRegister are made from a register that verifies, or not at all.
	fromRegister = []string{transfers, destructions, deletions, keyEnds}
	// ofRegister are those, and what says that the register is what was signed.
	ofRegister = append([]string{verification, theRegister}, fromRegister...)
)

// demands is the whole table as it stands for this pack: what would be met, and
// is not because something was found wrong, is not met.
func (p *pack) demands() []demand {
	out := slices.Concat(p.resiscan(), bs10008(), p.iso21964(), gdpr(), p.policySentences())
	unfit := slices.ContainsFunc(p.Storage, func(f Finding) bool { return !f.OK })
	for i := range out {
		d := &out[i]
		switch {
		case !p.verified && slices.ContainsFunc(d.Files, func(f string) bool { return slices.Contains(ofRegister, f) }):
			d.Met, d.Where, d.Files = no, texts.Say("evidence-where.not-now-the-register-of"), []string{verification}
		case unfit && d.Met != no && slices.Contains(d.Files, storage):
			d.Met, d.Where, d.Files = no, texts.Say("evidence-where.not-now-the-storage-was"), []string{storage}
		case p.overdue > 0 && inTime[d.Says.String()]:
			d.Met, d.Where = no, texts.Say("evidence-where.not-now-overdue", "n", p.overdue)
		case p.uneven && inTime[d.Says.String()]:
			d.Met, d.Where = no, texts.Say("evidence-where.not-now-the-record-does")
		}
	}
	return out
}

func (p *pack) resiscan() []demand {
	checked := demand{"RESISCAN A.SC.8", texts.Say("evidence-demand.no-paper-is-destroyed-before"), yes,
		texts.Say("evidence-where.paper-is-offered-for-destruction"), []string{destructions, transfers}}
	apart := demand{"RESISCAN A.AM.IN.SH.1", texts.Say("evidence-demand.who-checks-is-not-who"), yes,
		texts.Say("evidence-where.operations-scan-and-cannot-open"), []string{procedure, destructions}}
	switch p.Setup.DestroyAfter {
	case "readable-by-another":
		apart.Where = texts.Say("evidence-where.by-configuration-destroy-after-paper")
	case "verified":
		checked.Met, checked.Where = inPart, texts.Say("evidence-where.by-configuration-destroy-after-paper-may")
		apart.Met, apart.Where = inPart, texts.Say("evidence-where.by-configuration-destroy-after-nobody")
	}
	symbols := demand{"RESISCAN A.SC.12", texts.Say("evidence-demand.no-compression-that-puts-one"), yes,
		texts.Say("evidence-where.such-scans-are-refused"), []string{procedure}}
	if p.Setup.AllowSymbols {
		symbols.Met, symbols.Where = no, texts.Say("evidence-where.by-configuration-allow-symbols-such")
	}
	return []demand{
		checked,
		{"RESISCAN, procedure template 2.5.7", texts.Say("evidence-demand.before-paper-goes-the-scan"), inPart,
			texts.Say("evidence-where.each-scan-is-read-back"), []string{transfers}},
		{"RESISCAN, procedure template 2.5.4", texts.Say("evidence-demand.each-sheet-is-scanned-exactly"), inPart,
			texts.Say("evidence-where.pages-sheets-and-sides-are"), []string{transfers, destructions}},
		{"RESISCAN A.AM.VF.H.1", texts.Say("evidence-demand.somebody-looks-at-every-page"), inPart,
			texts.Say("evidence-where.a-team-leader-finds-the"), []string{transfers, theRegister}},
		apart,
		{"RESISCAN A.NB.4", texts.Say("evidence-demand.a-transfer-note-for-each"), inPart,
			texts.Say("evidence-where.all-but-the-scanning-device"), []string{transfers, destructions}},
		{"RESISCAN A.IS.1, A.AM.IN.H.1", texts.Say("evidence-demand.tampering-is-noticed"), yes,
			texts.Say("evidence-where.letters-are-sealed-statements-of"), []string{verification, theRegister}},
		symbols,
		{"RESISCAN A.NB.1, A.NB.2", texts.Say("evidence-demand.nothing-is-edited-but-for"), yes,
			texts.Say("evidence-where.pages-are-not-edited-and"), []string{transfers, procedure}},
		{"RESISCAN A.AM.VT.H.3, A.SC.9, A.SC.10", texts.Say("evidence-demand.scans-that-were-on-their"), inPart,
			texts.Say("evidence-where.the-scanner-deletes-its-scan"), []string{transfers, procedure}},
		{"RESISCAN A.AM.G.2", texts.Say("evidence-demand.what-people-and-the-system"), yes,
			texts.Say("evidence-where.the-register"), []string{theRegister}},
		{"RESISCAN A.AM.G.3", texts.Say("evidence-demand.the-procedure-is-audited-every"), no,
			texts.Say("evidence-where.this-pack-is-made-for"), nil},
		{"RESISCAN 3.1.1.6", texts.Say("evidence-demand.destruction-is-authorised-and-done"), yes,
			texts.Say("evidence-where.each-certificate-has-who-destroyed"), []string{destructions}},
	}
}

func bs10008() []demand {
	return []demand{
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.a-policy-for-what-is"), yes,
			texts.Say("evidence-where.the-text-in-force-and"), []string{thePolicy}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.a-retention-schedule"), yes,
			texts.Say("evidence-where.except-where-that-page-leaves"), []string{schedule}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.procedures-and-a-description-of"), yes,
			texts.Say("evidence-where.made-from-the-configuration-when"), []string{procedure}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.an-audit-trail-that-shows"), yes,
			texts.Say("evidence-where.filter-the-register-by-a"), []string{theRegister, transfers}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.written-evidence-of-destruction"), yes,
			texts.Say("evidence-where.of-paper-of-scans-and"), []string{destructions, deletions, keyEnds}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.the-system-is-tested-to"), inPart,
			texts.Say("evidence-where.the-storage-is-tried-out"), []string{storage, verification}},
		{"BS 10008, BIP 0008", texts.Say("evidence-demand.security-is-assessed-people-are"), no,
			texts.Say("evidence-where.yours-to-show"), nil},
	}
}

func (p *pack) iso21964() []demand {
	contractor := texts.Say("evidence-where.no-contractor-is-configured")
	if len(p.Setup.Contractors) > 0 {
		contractor = texts.Say("evidence-where.the-contractor-the-number-of")
	}
	return []demand{
		{"ISO/IEC 21964-1", texts.Say("evidence-demand.a-protection-class-is-chosen"), yes,
			texts.Say("evidence-where.level-p-5-for-class"), []string{procedure, destructions}},
		{"ISO/IEC 21964-2", texts.Say("evidence-demand.the-machine-cuts-to-the"), no,
			texts.Say("evidence-where.the-level-is-recorded-as"), nil},
		{"ISO/IEC 21964-3", texts.Say("evidence-demand.where-by-whom-and-how"), inPart,
			texts.Say("evidence-where.how-paper-is-locked-away", "contractor", contractor), []string{destructions}},
		{"ISO/IEC 21964-2", texts.Say("evidence-demand.disks-and-memory-sticks-are"), no,
			texts.Say("evidence-where.keys-end-and-scans-are"), nil},
	}
}

func gdpr() []demand {
	return []demand{
		{"UK GDPR, article 30", texts.Say("evidence-demand.a-record-of-processing"), inPart,
			texts.Say("evidence-where.what-letterlock-can-know-names"), []string{processing}},
		{"UK GDPR, article 5(1)(e)", texts.Say("evidence-demand.nothing-is-kept-longer-than"), yes,
			nil, []string{schedule, deletions, keyEnds}},
		{"UK GDPR, article 17", texts.Say("evidence-demand.what-is-erased-is-gone"), inPart,
			texts.Say("evidence-where.from-the-storage-its-versions"), []string{deletions, keyEnds, storage}},
		{"UK GDPR, article 32", texts.Say("evidence-demand.security-fit-for-the-danger"), inPart,
			texts.Say("evidence-where.what-letterlock-does-buildings-networks"), []string{procedure, storage}},
	}
}
