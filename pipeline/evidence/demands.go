package evidence

import "slices"

// demand is one thing that a standard, a law or the policy asks for, and what
// the pack has to show for it.
type demand struct {
	Source string
	Says   string   // what is demanded, in our words; of the policy, in its own
	Met    string   // one of those below
	Where  string   // where it is met, or why it is not
	Files  []string // of the pack
}

const (
	yes    = "yes"
	inPart = "in part"
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
			d.Met, d.Where, d.Files = no, "Not now: the register of this pack does not verify.", []string{verification}
		case unfit && d.Met != no && slices.Contains(d.Files, storage):
			d.Met, d.Where, d.Files = no, "Not now: the storage was found unfit.", []string{storage}
		}
	}
	return out
}

func (p *pack) resiscan() []demand {
	checked := demand{"RESISCAN A.SC.8", "No paper is destroyed before its scan was checked", yes,
		"Paper is offered for destruction only once a team leader has found the scan readable; each certificate names that person, and an unread one carries an anomaly.", []string{destructions, transfers}}
	apart := demand{"RESISCAN A.AM.IN.SH.1", "Who checks is not who scans", yes,
		"Operations scan and cannot open letters; team leaders open them.", []string{procedure, destructions}}
	switch p.Setup.DestroyAfter {
	case "readable-by-another":
		apart.Where = "By configuration (destroy_after) paper goes only once somebody has found the scan readable who cannot have scanned it, or two people have; each certificate names them."
	case "verified":
		checked.Met, checked.Where = inPart, "By configuration (destroy_after) paper may go once the program has read the scan back; nobody need have looked at it."
		apart.Met, apart.Where = inPart, "By configuration (destroy_after) nobody need have checked before paper goes."
	}
	symbols := demand{"RESISCAN A.SC.12", "No compression that puts one symbol in the place of another", yes, "Such scans are refused.", []string{procedure}}
	if p.Setup.AllowSymbols {
		symbols.Met, symbols.Where = no, "By configuration (allow_symbols) such scans are taken."
	}
	return []demand{
		checked,
		{"RESISCAN, procedure template 2.5.7", "Before paper goes, the scan was stored, read back and backed up once", inPart,
			"Each scan is read back from the storage, its hash compared, opened and every page drawn. Letterlock keeps no second copy of a letter.", []string{transfers}},
		{"RESISCAN, procedure template 2.5.4", "Each sheet is scanned exactly once, in order", inPart,
			"Pages, sheets and sides are recorded where the scanner could tell them, and the sheets counted again when they are destroyed; numbers that cannot belong together are an anomaly. Nobody enters a number of sheets before scanning, but for cover sheets of stacks.", []string{transfers, destructions}},
		{"RESISCAN A.AM.VF.H.1", "Somebody looks at every page, and answers each doubt of the machine", inPart,
			"A team leader finds the whole letter readable, or says what is wrong; doubts about stacks and duplicates are answered one by one, on record. That every single page was looked at is not recorded.", []string{transfers, theRegister}},
		apart,
		{"RESISCAN A.NB.4", "A transfer note for each scan: who, when, where, with what, what was noticed, what the check said", inPart,
			"All but the scanning device and its settings. Who scanned is told at the destruction desk, and nobody may know it any more.", []string{transfers, destructions}},
		{"RESISCAN A.IS.1, A.AM.IN.H.1", "Tampering is noticed", yes,
			"Letters are sealed, statements of scanners signed, and every entry of the register stands under a signed checkpoint, which witnesses elsewhere compare. There are no qualified signatures or time stamps.", []string{verification, theRegister}},
		symbols,
		{"RESISCAN A.NB.1, A.NB.2", "Nothing is edited but for legibility, and then that is said", yes,
			"Pages are not edited and never compressed again with loss; a damaged scan whose pages were drawn anew says so (repaired).", []string{transfers, procedure}},
		{"RESISCAN A.AM.VT.H.3, A.SC.9, A.SC.10", "Scans that were on their way are wiped everywhere", inPart,
			"The scanner deletes its scan on the server's signed receipt. The scanning device's own disk, and recycle bins of the share that 'letterlock check' does not find, are yours to wipe.", []string{transfers, procedure}},
		{"RESISCAN A.AM.G.2", "What people and the system do is logged, and the log can be exported", yes, "The register.", []string{theRegister}},
		{"RESISCAN A.AM.G.3", "The procedure is audited every three years at least", no, "This pack is made for such an audit. That one took place is yours to show.", nil},
		{"RESISCAN 3.1.1.6", "Destruction is authorised, and done by people who are named", yes,
			"Each certificate has who destroyed, who watched, and the policy as authority; who found the scan readable released it. Persons are staff numbers.", []string{destructions}},
	}
}

func bs10008() []demand {
	return []demand{
		{"BS 10008, BIP 0008", "A policy for what is stored", yes, "The text in force, and its version.", []string{thePolicy}},
		{"BS 10008, BIP 0008", "A retention schedule", yes, "Except where that page leaves something for you.", []string{schedule}},
		{"BS 10008, BIP 0008", "Procedures and a description of the system, as they are", yes, "Made from the configuration when this pack was made.", []string{procedure}},
		{"BS 10008, BIP 0008", "An audit trail that shows the history of each item", yes, "Filter the register by a letter's id.", []string{theRegister, transfers}},
		{"BS 10008, BIP 0008", "Written evidence of destruction", yes, "Of paper, of scans, and of keys.", []string{destructions, deletions, keyEnds}},
		{"BS 10008, BIP 0008", "The system is tested to do what is claimed", inPart, "The storage is tried out for each pack, and the register verified. Tests of the program come with its source, and are not in this pack.", []string{storage, verification}},
		{"BS 10008, BIP 0008", "Security is assessed, people are trained, the system is reviewed", no, "Yours to show.", nil},
	}
}

func (p *pack) iso21964() []demand {
	contractor := "No contractor is configured."
	if len(p.Setup.Contractors) > 0 {
		contractor = "The contractor, the number of the collection and that of its certificate are in ours; the contractor's certificates themselves are yours to keep."
	}
	return []demand{
		{"ISO/IEC 21964-1", "A protection class is chosen: danger to life is the highest", yes, "Level P-5, for class 3, is the level against which each destruction is compared; a coarser one is recorded as an anomaly. The procedure says which are on record.", []string{procedure, destructions}},
		{"ISO/IEC 21964-2", "The machine cuts to the level that is claimed", no, "The level is recorded as the person at the desk said it. The shredder's own papers are yours to show.", nil},
		{"ISO/IEC 21964-3", "Where, by whom and how it was destroyed, also by a contractor", inPart, contractor + " How paper is locked away until then is not recorded.", []string{destructions}},
		{"ISO/IEC 21964-2", "Disks and memory sticks are destroyed to their own levels", no, "Keys end and scans are removed; what becomes of the disks themselves is yours to show.", nil},
	}
}

func gdpr() []demand {
	return []demand{
		{"UK GDPR, article 30", "A record of processing", inPart, "What Letterlock can know; names, lawful basis and countries are left for you.", []string{processing}},
		{"UK GDPR, article 5(1)(e)", "Nothing is kept longer than it is needed, and that can be shown", yes, "", []string{schedule, deletions, keyEnds}},
		{"UK GDPR, article 17", "What is erased is gone from every copy", inPart, "From the storage, its versions and the database, with proof; in older copies of these it ends with the key. A backup of the keyring would keep it: Letterlock cannot see one.", []string{deletions, keyEnds, storage}},
		{"UK GDPR, article 32", "Security fit for the danger", inPart, "What Letterlock does; buildings, networks and disks are yours to show.", []string{procedure, storage}},
	}
}
