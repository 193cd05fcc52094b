package register

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// allEvents is one of every event; TestNoEventIsForgotten holds it complete.
var allEvents = []Event{
	FolderMade{}, EdgeInvited{}, EdgeAdded{}, EdgeReplaced{}, EdgeKeyChanged{}, EdgeRevoked{}, KeyMade{}, KeyReplaced{}, KeyDeathBegun{}, KeyDestroyed{}, KeyFoundAgain{}, SharesMade{}, ShareEnding{}, ShareEnded{}, KeysRecombined{}, DrillDone{}, KeyRestored{}, LetterAdmitted{}, ManifestHeld{}, ManifestAccepted{},
	LetterVerified{}, LetterUnverifiable{}, LetterLookedAtAgain{}, LetterReceipted{}, LetterNotified{}, LetterOpened{}, LetterReadable{},
	LetterScanAgain{}, NewScanTaken{}, NewScanApart{}, LetterReplaced{}, NewScanIsOther{}, OldScanEnding{}, LetterRecused{}, ScanAnswered{}, PaperDestroyed{}, PaperKeptBack{}, PapersCounted{}, ExpiryBegun{}, LetterDeleted{}, LetterCovered{}, LetterRepinned{}, StrayFound{}, StrayRemoved{}, PersonAdded{}, PersonDisabled{}, PersonChanged{}, PasskeysForgotten{}, PasskeyRevoked{}, SessionInTwoPlaces{}, SSOLinked{}, SSOUnlinked{}, RoleGiven{}, RoleTaken{}, SettingChanged{}, PolicyPublished{}, PolicyConfirmed{},
	CodeMade{}, CodesEnded{}, PasskeyAdded{}, SignedIn{}, RegisterExported{}, LifecycleInstalled{}, DayBegun{}, BucketAdopted{}, ClockConfirmed{},
	AlarmRaised{}, AlarmTold{}, UnreadTold{}, AlarmEnded{}, RiskSaid{}, LetterHandedOver{}, LetterSeenTo{}, LetterSafeguarded{}, SafeguardingReviewed{}, LetterShared{}, LetterMoveBegun{}, LetterMoved{},
	LetterMoveGivenUp{}, OldCopyRemoved{}, HoldPlaced{}, HoldReviewed{}, HoldRenewed{}, HoldReleaseAsked{}, HoldReleased{}, ErasureAsked{}, ErasureConfirmed{},
	WithdrawalAsked{}, SafeguardingWithdrawn{}, RedirectionAsked{}, LetterRedirected{}, RequestDeclined{}, ResponseFiled{}, ResponseLost{}, ResponseToConfirm{}, ResponseKept{}, ResponseDropped{},
	RestoreBegun{}, LetterAdopted{}, ResponseAdopted{}, ResponseKeptUnasked{}, LetterFoundElsewhere{}, LetterNotFound{}, PaperFoundDestroyed{}, PaperWrittenOff{}, Restored{},
	BackupMade{}, DatabaseMoved{}, OldDatabaseRemoved{}, SigningKeyChanged{}, ServerKeyNamed{}, ServerKeyChanged{}, ServerKeyLost{},
}

// An entry is kept for years: no field of any event can hold a sentence, a
// name or an address.
func TestNoEventHoldsFreeText(t *testing.T) {
	for _, ev := range allEvents {
		for field := range reflect.TypeOf(ev).Fields() {
			if why := freeText(field.Type); why != "" {
				t.Errorf("%T.%s %s", ev, field.Name, why)
			}
		}
	}
}

// freeText says why a field of the type could hold anything, or "".
func freeText(of reflect.Type) string {
	if of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[letter.Date]() {
		return ""
	}
	switch of.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64:
		return ""
	case reflect.Slice:
		return freeText(of.Elem())
	case reflect.String:
		if forms[of] != nil {
			return ""
		}
		return "is a " + of.String() + ": give it a type of its own, and say in forms.go what a string of it may be"
	}
	return "is a " + of.String() + ": an event holds numbers, times, days, truths and words of forms.go, or lists of them"
}

func TestFreeTextIsSeen(t *testing.T) {
	type alias string
	for _, of := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[alias](), reflect.TypeFor[[]string](), reflect.TypeFor[[]byte](),
		reflect.TypeFor[map[Role]Role](), reflect.TypeFor[any](), reflect.TypeFor[*Role](), reflect.TypeFor[struct{ Note string }]()} {
		if freeText(of) == "" {
			t.Errorf("%s could hold anything, and nobody says so", of)
		}
	}
}

// Recording looks at what is really in it: nothing is written, nothing is done,
// and the error does not repeat it.
func TestFreeTextIsNotRecorded(t *testing.T) {
	d := newDesk(t)
	for _, ev := range []Event{
		EdgeAdded{Site: "Canary Nightingale"}, EdgeAdded{}, ManifestAccepted{ID: "canary"}, KeyMade{Week: "canary"},
		LetterScanAgain{Reason: "canary"}, SignedIn{With: "canary"}, LetterOpened{As: ""},
		PaperDestroyed{Ledger: "D-2026-000001", Reference: "CANARY", Class: letter.SixMonths},
		PaperDestroyed{Ledger: "D-2026-000001", Reference: "K7QM-4T2X", Class: letter.SixMonths, ScannedAt: "office", Authority: "policy-1",
			Method: Shredder, Place: "office", Anomalies: []Anomaly{AnomalyUnread, "canary"}},
	} {
		err := d.Record(t.Context(), ev, 0)
		if err == nil || strings.Contains(strings.ToLower(err.Error()), "canary") {
			t.Errorf("%#v: %v", ev, err)
		}
	}
	if got := strings.Join(d.kinds(), " "); got != "folder-made" {
		t.Errorf("on the register: %s", got)
	}
}

func TestContractorsNumbers(t *testing.T) {
	for _, good := range []Number{"1", "4711", "AB-12", "SHRED-2026-00123", "C/47.11", "ABC123"} {
		if !good.Valid() {
			t.Errorf("%s is refused", good)
		}
	}
	for _, bad := range []Number{"", "AB", "ab-12", "12 Acacia Avenue", "MARGARET-1", "SMITH-1", "1\n", "1é", Number(strings.Repeat("1", 41))} {
		if bad.Valid() {
			t.Errorf("%q is taken", bad)
		}
	}
}

// source is the package's own source, tests left out.
func source(t *testing.T) []*ast.File {
	t.Helper()
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), ".go") || strings.HasSuffix(n.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), n.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func TestNoEventIsForgotten(t *testing.T) {
	known := map[string]bool{}
	for _, ev := range allEvents {
		known[reflect.TypeOf(ev).Name()] = true
	}
	for _, f := range source(t) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "kind" && fn.Recv != nil {
				if name := fn.Recv.List[0].Type.(*ast.Ident).Name; !known[name] {
					t.Errorf("%s is an event that no test of this file knows: add it to allEvents", name)
				}
			}
		}
	}
}

// sourceOf is the end of a comment that says where a demand comes from; see Event.
var sourceOf = regexp.MustCompile(`\[(?:(?:P \d+|BS|ISO|R [A-Z0-9.]+|GDPR \d+|OWN)(?:, |\]))+\s*$`)

// Who reads the register years from now finds every field explained, and every
// event with its source.
func TestEveryFieldIsExplained(t *testing.T) {
	missing := map[string]bool{}
	for _, ev := range allEvents {
		missing[reflect.TypeOf(ev).Name()] = true
	}
	for _, f := range source(t) {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			name := gen.Specs[0].(*ast.TypeSpec).Name.Name
			if !missing[name] {
				continue
			}
			delete(missing, name)
			if !sourceOf.MatchString(gen.Doc.Text()) {
				t.Errorf("%s: its comment does not end in its source, as [P 2]; see Event", name)
			}
			for _, field := range gen.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType).Fields.List {
				if strings.TrimSpace(field.Comment.Text()+field.Doc.Text()) == "" {
					t.Errorf("%s.%s is not explained", name, field.Names[0])
				}
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("not found in the source: %v", slices.Sorted(maps.Keys(missing)))
	}
}

// A word that is missing in its list could not be recorded, and what it says
// could not be done.
func TestEveryWordIsListed(t *testing.T) {
	valid := map[string]func(string) bool{}
	for of, f := range forms {
		if strings.HasSuffix(of.PkgPath(), "/register") {
			valid[of.Name()] = f
		}
	}
	seen := 0
	for _, f := range source(t) {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, spec := range gen.Specs {
				c := spec.(*ast.ValueSpec)
				of, ok := c.Type.(*ast.Ident)
				if !ok || valid[of.Name] == nil {
					continue
				}
				word, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				seen++
				if word != "" && !valid[of.Name](word) {
					t.Errorf("the %s %q is not in its list in forms.go", of.Name, word)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d words were found", seen)
	}
}
