package scanner

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// simSecrets are the keys of all simulations. Which they are changes nothing in
// a run, so that a seed gives the same one again.
type simSecrets struct {
	site     note.Signer
	siteKey  note.Verifier
	server   note.Signer
	stranger note.Signer // of the server's name
	public   note.Verifier
	weeks    []*age.HybridIdentity // one after the other, and around
	stolen   *age.HybridIdentity   // in every list that must not be used
}

var simKeys = sync.OnceValue(func() *simSecrets {
	pair := func(name string) (note.Signer, note.Verifier) {
		secret, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			panic(err)
		}
		signer, _ := note.NewSigner(secret)
		verifier, _ := note.NewVerifier(public)
		return signer, verifier
	}
	k := &simSecrets{}
	k.site, k.siteKey = pair("office")
	k.server, k.public = pair("server")
	k.stranger, _ = pair("server")
	for range 6 {
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			panic(err)
		}
		k.weeks = append(k.weeks, id)
	}
	k.stolen, k.weeks = k.weeks[0], k.weeks[1:]
	return k
})

// ofWeek is the identity of an expiry week; the next week has another.
func (k *simSecrets) ofWeek(w letter.Week) *age.HybridIdentity {
	sum := 0
	for _, c := range []byte(w) {
		sum += int(c)
	}
	return k.weeks[sum%len(k.weeks)]
}

// simServer answers what edges leave in the bucket, as late and as oddly as
// servers do, and opens every letter.
type simServer struct {
	*simulation
	read   map[letter.ID]letter.Manifest // that were verified
	asked  map[letter.ID]bool            // whose papers were to be scanned again
	anew   map[letter.ID]bool            // those of them that were
	final  map[letter.ID]bool            // whose papers were destroyed
	due    []simAnswer
	serial uint64
	seen   uint64 // the highest that the edge has certainly noted down
	weeks  []letter.Week
	list   string // which recipients list lies in the bucket
}

// simAnswer is a receipt that is to be put.
type simAnswer struct {
	at  time.Time
	key string
	msg []byte
	id  letter.ID // of the letter, if it is the true receipt
	of  letter.ID // of whose paper it says something later, if it does
	end bool      // it says that the paper is destroyed: nothing is said of that one after it
}

func (v *simServer) act() {
	if e := v.edge; e != nil && e.list != nil {
		v.seen = max(v.seen, e.list.Serial)
	}
	if len(v.onTheWire) > 0 && v.oneIn(10) {
		v.deliver()
	}
	if v.ended || !v.oneIn(3) {
		news := v.bucket.news
		v.bucket.news = nil
		for _, key := range news {
			if o, there := v.bucket.objects[key]; there {
				v.manifest(o)
			}
		}
	}
	due := v.due
	v.due = nil // to which each may add what follows it
	for _, a := range due {
		if a.at.After(v.now) {
			v.due = append(v.due, a)
			continue
		}
		if a.of != "" && v.final[a.of] {
			continue
		}
		v.final[a.of] = v.final[a.of] || a.end
		v.bucket.objects[a.key] = simObject{a.msg, v.now}
		if a.id != "" {
			v.followUp(a.id)
		}
	}
	if !v.ended && v.oneIn(60) {
		v.changeList()
	}
}

// manifest is a deposit: new, or put again because there was no receipt.
func (v *simServer) manifest(o simObject) {
	m, err := letter.OpenManifest(o.data, v.keys.siteKey)
	if err != nil {
		v.violated("a manifest that no server takes: %v", err)
	}
	sealed, there := v.bucket.objects[m.ObjectKey()]
	if !there {
		// The store has lied; it will be put again. Nobody may be content with
		// the word of anybody else meanwhile.
		v.mislead(m)
		return
	}
	if sum := sha256.Sum256(sealed.data); hex.EncodeToString(sum[:]) != m.SHA256 || int64(len(sealed.data)) != m.Size {
		v.violated("letter %s is not the one of its manifest", m.ID)
	}
	if before, again := v.read[m.ID]; !again {
		v.letter(m, sealed.data, o.put)
		v.read[m.ID] = m
	} else if before != m {
		v.violated("letter %s has two manifests", m.ID)
	}
	o, answered := v.bucket.objects[letter.ReceiptKey(m.Site, m.ID)]
	if answered {
		r, err := letter.OpenReceipt(o.data, v.keys.public)
		answered = err == nil && r.ID == m.ID && r.SHA256 == m.SHA256
	}
	if !answered && !slices.ContainsFunc(v.due, func(a simAnswer) bool { return a.id == m.ID }) {
		v.answer(m)
	}
}

// clockTolerance is by how much a time of receipt may be wrong: what an edge
// tolerates, for as long as it believes a comparison, and what asking takes.
const clockTolerance = maxSkew + clockAge + 4*time.Minute

// letter opens a letter and finds out whose it is.
func (v *simServer) letter(m letter.Manifest, sealed []byte, put time.Time) {
	r, err := age.Decrypt(bytes.NewReader(sealed), v.keys.ofWeek(m.Week()))
	if err != nil {
		if _, stolen := age.Decrypt(bytes.NewReader(sealed), v.keys.stolen); stolen == nil {
			v.violated("letter %s is sealed to a key of a list that must not be believed", m.ID)
		}
		v.violated("letter %s does not open with its week's key: %v", m.ID, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		v.violated("letter %s: %v", m.ID, err)
	}
	d, pages, repaired, err := v.readClean(plain)
	if err != nil {
		v.violated("letter %s: %v", m.ID, err)
	}
	as, ok := d.letterOf(pages)
	if !ok {
		v.violated("letter %s holds pages %v of scan %d, of which nobody has said that they are one letter", m.ID, pages, d.number)
	}
	want := letter.Manifest{
		ID: m.ID, Site: "office", Helpline: d.helpline, Class: letter.SixMonths, Received: m.Received, Size: m.Size, SHA256: m.SHA256,
		Pages: len(pages), Sheets: sheetsOf(as), Sides: as.Sides, Flags: d.flags(pages, as.Kept), Repaired: repaired,
		Replaces: v.newScan(m, d),
	}
	if m != want {
		v.violated("the manifest says %+v, not %+v", m, want)
	}
	of := fmt.Sprint(pages)
	d.found[of]++
	v.count("letters")
	if len(pages) < len(d.pages) {
		v.count("letters of stacks")
	}
	if d.asked {
		v.count("letters after an answer")
	}
	if repaired {
		v.count("letters drawn anew")
	}
	v.note("letter %s of scan %d is verified", m.ID, d.number)
	switch {
	case d.found[of] > 1+d.another:
		v.violated("scan %d was taken twice, and nobody has said that it is two letters", d.number)
	case repaired && d.repair == 0:
		v.violated("scan %d was drawn anew, and nobody has said so", d.number)
	case m.Replaces == "" && (m.Received.Before(d.since.Add(-clockTolerance)) || m.Received.After(put.Add(clockTolerance))):
		v.violated("scan %d, dropped at %s and deposited at %s, counts as received at %s", d.number,
			d.since.Format(time.DateTime), put.Format(time.DateTime), m.Received.Format(time.DateTime))
	}
}

// newScan is of which letter that is a new scan, which somebody must have asked for
// and dropped as one: "" for any other.
func (v *simServer) newScan(m letter.Manifest, d *simScan) letter.ID {
	if m.Replaces == "" && d.plain {
		return ""
	}
	of := v.read[m.Replaces]
	switch {
	case m.Replaces == "":
		v.violated("letter %s of scan %d, which was dropped as a new scan only, is none", m.ID, d.number)
	case !v.asked[of.ID] || of.Helpline != m.Helpline || !d.papers[of.ID.Reference()]:
		v.violated("letter %s of scan %d counts as a new scan of %s, and nobody has said so", m.ID, d.number, m.Replaces)
	case !m.Received.Equal(of.Received):
		v.violated("the paper of letter %s came at %s, and its new scan says %s", of.ID, of.Received, m.Received)
	}
	v.count("new scans of papers")
	v.anew[of.ID] = true
	v.follow(of, letter.PaperReplaced, "")
	return of.ID
}

func (v *simServer) receipt(m letter.Manifest, paper, reason string, by note.Signer) []byte {
	msg, err := letter.Receipt{ID: m.ID, Version: "1", SHA256: m.SHA256, Paper: paper, Reason: reason}.Sign(by)
	if err != nil {
		panic(err)
	}
	return msg
}

// answer puts a receipt: soon, late, never; after a false one, or twice.
func (v *simServer) answer(m letter.Manifest) {
	receipt := simAnswer{key: letter.ReceiptKey(m.Site, m.ID), msg: v.receipt(m, letter.PaperKept, "", v.keys.server), id: m.ID}
	receipt.at = v.now.Add(time.Duration(v.chance.IntN(20)) * time.Second)
	switch n := v.chance.IntN(100); {
	case v.ended || n < 70:
	case n < 80:
		receipt.at = receipt.at.Add(time.Duration(v.chance.IntN(6*60)) * time.Minute)
	case n < 85:
		v.count("receipts that never came")
		return // until the manifest is put again
	case n < 95:
		v.mislead(m)
	default:
		twice := receipt
		twice.id, receipt.at = "", receipt.at.Add(time.Minute)
		v.due = append(v.due, twice)
	}
	v.due = append(v.due, receipt)
}

// mislead puts a receipt that is none for this letter.
func (v *simServer) mislead(m letter.Manifest) {
	v.count("false receipts")
	of, by, key := m, v.keys.server, letter.ReceiptKey(m.Site, m.ID)
	switch v.chance.IntN(4) {
	case 0:
		by = v.keys.stranger
	case 1:
		of.SHA256 = strings.Repeat("0", 64) // for other bytes
	case 2:
		of.ID = v.newID()
	case 3:
		of.ID = v.newID() // for a letter that nobody knows
		key = letter.ReceiptKey(m.Site, of.ID)
	}
	v.due = append(v.due, simAnswer{at: v.now, key: key, msg: v.receipt(of, letter.PaperMayGo, "", by)})
}

// followUp says later what is to become of the paper.
func (v *simServer) followUp(id letter.ID) {
	paper, reason := letter.PaperMayGo, ""
	switch n := v.chance.IntN(100); {
	case n < 40:
		return
	case v.anew[id] && n < 80:
		paper = letter.PaperReplaced // also after it was asked for once more
	case n < 55:
		paper, reason = letter.PaperScanAgain, "page-missing"
		v.asked[id] = true
	case n < 65:
		paper = letter.PaperDestroyed
	}
	v.follow(v.read[id], paper, reason)
}

// follow says that later of a paper, and mostly more after it.
func (v *simServer) follow(m letter.Manifest, paper, reason string) {
	at := v.now.Add(time.Duration(v.chance.IntN(3*60*60)) * time.Second)
	if v.oneIn(2) {
		at = v.now.Add(time.Duration(v.chance.IntN(60)) * time.Second)
	}
	next := simAnswer{at: at, key: letter.ReceiptKey(m.Site, m.ID), msg: v.receipt(m, paper, reason, v.keys.server), of: m.ID, end: paper == letter.PaperDestroyed}
	if paper != letter.PaperDestroyed && v.oneIn(2) {
		next.id = m.ID // and more later
	}
	v.due = append(v.due, next)
}

// publish puts a recipients list of a kind.
func (v *simServer) publish(kind string) {
	v.list = kind
	v.note("the recipients list is %s", kind)
	if kind == "missing" {
		delete(v.bucket.objects, letter.RecipientsKey)
		return
	}
	list := seal.Recipients{ValidUntil: v.now.AddDate(0, 0, 30).UTC().Truncate(time.Second), Keys: map[letter.Week]string{}}
	by, keys := v.keys.server, func(letter.Week) *age.HybridIdentity { return v.keys.stolen }
	switch kind {
	case "good", "of other weeks":
		v.serial++
		list.Serial, keys = v.serial, v.keys.ofWeek
	case "stale":
		list.Serial = v.seen - 1
	case "expired":
		v.serial++
		list.Serial, list.ValidUntil = v.serial, v.now.Add(-time.Hour).UTC().Truncate(time.Second)
	case "a stranger's":
		list.Serial, by = v.serial+1000, v.keys.stranger
	}
	for day := -7; day <= 7; day += 7 {
		w := letter.WeekOf(letter.Deadline(letter.DateOf(v.now.AddDate(0, 0, day)), letter.SixMonths))
		if !slices.Contains(v.weeks, w) {
			v.weeks = append(v.weeks, w)
		}
	}
	for _, w := range v.weeks {
		list.Keys[w] = keys(w).Recipient().String()
	}
	if kind == "of other weeks" {
		list.Keys = map[letter.Week]string{"x2031-W21": v.keys.weeks[0].Recipient().String()}
	}
	msg, err := list.Sign(by)
	if err != nil {
		panic(err)
	}
	v.bucket.objects[letter.RecipientsKey] = simObject{msg, v.now}
}

func (v *simServer) changeList() {
	kinds := []string{"missing", "expired", "a stranger's", "of other weeks"}
	if v.seen > 1 {
		kinds = append(kinds, "stale")
	}
	if v.list != "good" {
		kinds = []string{"good"}
	}
	v.count("changes of the recipients list")
	v.publish(kinds[v.chance.IntN(len(kinds))])
}

// lifecycle is the storage's own: notes between the roles live for two weeks.
func (v *simServer) lifecycle() {
	for _, key := range slices.Sorted(maps.Keys(v.bucket.objects)) {
		brief := strings.HasPrefix(key, letter.IncomingPrefix) || strings.HasPrefix(key, letter.ReceiptsPrefix)
		if brief && v.now.Sub(v.bucket.objects[key].put) > letter.BriefDays*24*time.Hour {
			delete(v.bucket.objects, key)
		}
	}
	v.publish("good")
}
