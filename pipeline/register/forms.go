package register

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"letterlock/scanner/letter"
)

// Name is what the configuration calls a site, a helpline, a policy, a
// contractor or a place: up to 40 lower-case letters, digits and hyphens. The
// administrator sets it; nobody types it with a letter at hand.
type Name string

// Reference is what stands on a paper, as letter.ID.Reference gives it.
type Reference string

// Ledger numbers a destruction within its year: D-2026-000017.
type Ledger string

// Number is what a contractor wrote on a collection note or a certificate: up
// to 40 digits, capital letters, hyphens, slashes and full stops, with one
// digit at least and no more letters than digits. That is no form for a name.
type Number string

// Valid reports whether the number has its form.
func (n Number) Valid() bool {
	letters, digits := 0, 0
	for _, c := range n {
		switch {
		case c >= 'A' && c <= 'Z':
			letters++
		case c >= '0' && c <= '9':
			digits++
		case c != '-' && c != '/' && c != '.':
			return false
		}
	}
	return digits > 0 && letters <= digits && len(n) <= 40
}

var (
	ledgerForm    = regexp.MustCompile(`^D-[0-9]{4}-[0-9]{6,}$`)
	referenceForm = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`)
)

// forms are the types of string that an event may hold, each with what a
// string of it may be. A new type of word belongs here, and so does a new word
// of a list; without, nothing is recorded that holds it.
var forms = formsOf(
	form(letter.Class.Valid),
	form(func(id letter.ID) bool { _, err := letter.ParseID(string(id)); return err == nil }),
	form(func(w letter.Week) bool { _, err := letter.ParseWeek(string(w)); return err == nil }),
	form(func(n Name) bool { return letter.ValidName(string(n)) }),
	form(func(r Reference) bool { return referenceForm.MatchString(string(r)) }),
	form(func(l Ledger) bool { return ledgerForm.MatchString(string(l)) }),
	form(Number.Valid),
	form(func(h TreeHash) bool { return treeHashForm.MatchString(string(h)) }),
	form(func(k SigningKey) bool { return signingKeyForm.MatchString(string(k)) }),
	form(func(k ServerKey) bool { return serverKeyForm.MatchString(string(k)) }),
	form(func(s Signature) bool { return signatureForm.MatchString(string(s)) }),
	form(func(d PolicyText) bool { return policyTextForm.MatchString(string(d)) }),
	form(func(s ShareSet) bool { return shareSetForm.MatchString(string(s)) }),
	words(AddressChecks...),
	words(Agencies...),
	words(AlarmKinds...),
	words(AnomalySheets, AnomalyLetterGone, AnomalyUnread, AnomalyScannerUnknown, AnomalyLevel),
	words(AnswerSame, AnswerAnother, AnswerMistake, AnswerHereToo, AnswerSplit),
	words(Bases...),
	words(ByLetterlock, ByStorage, ByNobody),
	words(ApartReasons...),
	words(append([]EraseReason{NeverStored, NewerScan, NotKept}, EraseReasons...)...),
	words(append([]DropReason{DroppedUnkept}, DropReasons...)...),
	words(append([]HoldReason{KeptUnknown}, HoldReasons...)...),
	words(Levels...),
	words(LostPapers...),
	words(Methods...),
	words(QuestionDuplicate, QuestionOtherLine, QuestionStack),
	words(RestoreSigns...),
	words(Roles...),
	words(Risks...),
	words(SafeguardingReasons...),
	words(append([]ScanAgainReason{AskedUnknown}, ScanAgainReasons...)...),
	words(ForDrill, ForRestore),
	words(ShareOverwritten, ShareVouched, ShareUnwritten, ShareLost),
	words(Settings...),
	words(ShownPages, ShownPDF, ShownPrint),
	words(Tolds...),
	words(WithPasskey, WithSSO, WithSample),
	words(WithdrawReasons...),
	words(StoreDown, ObjectMissing, CannotUnseal, CannotRender, PagesDiffer, NobodyToTell, MailDown, StillShown, RendererBroken, KeyMissing, CannotMove),
	words(UnknownSite, FalseSignature, WrongPlace, UnknownHelpline, TooOld, FromTheFuture, SameIDOther, AlreadyDeleted, KeyNotHeld, TooLarge, NoSuchDecision),
)

// formOf is one type of string and what a string of it may be.
type formOf struct {
	of    reflect.Type
	valid func(string) bool
}

func form[T ~string](valid func(T) bool) formOf {
	return formOf{reflect.TypeFor[T](), func(s string) bool { return valid(T(s)) }}
}

func words[T ~string](all ...T) formOf {
	return form(func(w T) bool { return slices.Contains(all, w) })
}

func formsOf(all ...formOf) map[reflect.Type]func(string) bool {
	m := map[reflect.Type]func(string) bool{}
	for _, f := range all {
		m[f.of] = f.valid
	}
	return m
}

// checkForms refuses an event that holds a string which is not of its form.
// The error names the field and never what is in it.
func checkForms(ev Event) error {
	v := reflect.ValueOf(ev)
	for i := range v.NumField() {
		field, at := v.Type().Field(i), v.Field(i)
		if at.Kind() != reflect.Slice {
			if err := checkForm(field, at); err != nil {
				return err
			}
			continue
		}
		for j := range at.Len() {
			if err := checkForm(field, at.Index(j)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkForm(field reflect.StructField, at reflect.Value) error {
	if at.Kind() != reflect.String || at.IsZero() && mayBeAbsent(field) {
		return nil
	}
	if valid := forms[at.Type()]; valid == nil || !valid(at.String()) {
		return fmt.Errorf("what the field %s holds is not of the form that the register keeps", field.Name)
	}
	return nil
}

// mayBeAbsent reports whether an empty field is not written at all.
func mayBeAbsent(field reflect.StructField) bool {
	return strings.HasSuffix(field.Tag.Get("json"), ",omitempty")
}
