package letter

import (
	"strings"
	"time"
)

// The places in the bucket, with ServerKeysKey and AboutKey. Nothing else is ever written there.
const (
	LettersPrefix  = "letters/"
	IncomingPrefix = "incoming/"
	ReceiptsPrefix = "receipts/"
	RecipientsKey  = "keys/recipients"

	// CheckpointsPrefix holds a checkpoint of the register for each day. No
	// lifecycle rule reaches it: they are kept as long as the register is.
	CheckpointsPrefix = "checkpoints/"
)

// BriefDays is how long incoming/ and receipts/ live in the bucket. An edge
// that has no receipt puts its manifest again every day, so nothing depends
// on a longer life.
const BriefDays = 14

// ObjectKey is the place of a sealed letter. The received day stands in it,
// because audits go by that and not by the storage's own dates.
func ObjectKey(c Class, helpline string, received Date, id ID) string {
	return ClassPrefix(c) + helpline + "/" + received.String() + "/" + string(id) + ".age"
}

// ClassPrefix holds every letter of one retention class; a lifecycle rule
// hangs on it.
func ClassPrefix(c Class) string { return LettersPrefix + string(c) + "/" }

// IncomingKey is where the site's edge leaves the manifest of a deposit.
func IncomingKey(site string, id ID) string { return IncomingPrefix + site + "/" + string(id) }

// SeenKey is where the site's edge says that it has seen a newer recipients
// list than the one in the bucket. It is no place of a manifest.
func SeenKey(site string) string { return IncomingPrefix + site + "/" + seenName }

const seenName = "seen"

// SplitSeen reads a key that SeenKey makes.
func SplitSeen(key string) (site string, ok bool) { return splitSite(key, seenName) }

// splitSite reads a key under incoming/ that has one name for each site.
func splitSite(key, name string) (site string, ok bool) {
	site, ok = strings.CutPrefix(key, IncomingPrefix)
	if ok {
		site, ok = strings.CutSuffix(site, "/"+name)
	}
	return site, ok && ValidName(site)
}

// ReportKey is where the site's edge says what is in its scanner folder. It is no
// place of a manifest.
func ReportKey(site string) string { return IncomingPrefix + site + "/" + reportName }

const reportName = "report"

// SplitReport reads a key that ReportKey makes.
func SplitReport(key string) (site string, ok bool) { return splitSite(key, reportName) }

// ReceiptKey is where the server answers it.
func ReceiptKey(site string, id ID) string { return ReceiptsPrefix + site + "/" + string(id) }

// GoneKey is where the server tells the site's edge which letters have ended
// before their time. It is no place of a receipt.
func GoneKey(site string) string { return ReceiptsPrefix + site + "/gone" }

// CheckpointKey is where the server leaves the day's checkpoint of its register.
func CheckpointKey(day Date) string { return CheckpointsPrefix + day.String() }

// SplitIncoming reads a key under incoming/. It reports false for a key that
// no edge would write.
func SplitIncoming(key string) (site string, id ID, ok bool) {
	rest, ok := strings.CutPrefix(key, IncomingPrefix)
	if !ok {
		return "", "", false
	}
	site, raw, ok := strings.Cut(rest, "/")
	if !ok || !ValidName(site) {
		return "", "", false
	}
	id, err := ParseID(raw)
	return site, id, err == nil
}

// RestoredCheckpointKey is where the server leaves the checkpoint of a register
// that was restored from a backup: it comes after the checkpoints of that day
// which this register no longer continues, and before the next day's.
func RestoredCheckpointKey(at time.Time) string {
	return CheckpointKey(DateOf(at)) + "T" + at.UTC().Format("150405") + "Z"
}
