// Package mail sends a few kinds of message, that a letter is waiting, that
// something needs a person, that nothing does, that something waits to be
// confirmed, that a machine needs an administrator, that a sign-in can be set up, or
// may have been by another: one person, one link, and nothing else but the
// register's checkpoint and how many requests, reviews or nearly full disks there
// are. Whoever reads it over a shoulder, in a mail archive or on a telephone
// learns that a letter, or a trouble, exists and no more.
//
// [SMTP] hands messages to a mail server; [Outbox] writes them into a folder
// where there is none. The same message may be sent again at any time: it
// keeps its Message-ID, by which a mailbox can tell the repeat.
//
// No error of this package holds the address of the person who is written to,
// nor any text of a mail server, which could repeat it.
package mail

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	netmail "net/mail"
	"regexp"
	"strings"
	plain "text/template"
	"time"

	gomail "github.com/wneessen/go-mail"

	"letterlock/pipeline/texts"
)

// ErrPermanent means that this message will never be taken as it is: the mail
// server has refused it for good, or the message itself cannot be sent. A
// person must look. After any other error the server may have the message or
// not; send it again, later, with the same Message-ID.
var ErrPermanent = errors.New("it will not be taken as it is")

// ErrUnreachable means that the fault is not the message's: the mail server cannot be
// reached, does not greet, or stopped answering. Another message would meet the same,
// and wait for it as long. Nothing that a mail server answers is that.
var ErrUnreachable = errors.New("the mail server cannot be reached")

// ErrStalled is an ErrUnreachable that came after the greeting: what the mail server
// stopped answering at may be this message, or its recipient, alone.
var ErrStalled = errors.New("the mail server stopped answering")

// silence is an error that is ErrUnreachable too, in the words of its own.
type silence struct {
	error
	stalled bool
}

func (s silence) Is(target error) bool {
	return target == ErrUnreachable || s.stalled && target == ErrStalled
}

func (s silence) Unwrap() error { return s.error }

// About is what a message is about.
type About int

const (
	ALetter        About = iota // a letter is waiting
	AnAlarm                     // something needs somebody, and is said again each day
	AllIsWell                   // nothing does, today
	ARequest                    // something waits for a second person
	AnInvitation                // somebody can set up their sign-in
	Unopened                    // letters of one's own helpline wait for longer than they should
	ACall                       // what a colleague has decided needs somebody
	UnopenedLong                // letters of some helpline wait for longer than their leaders should let them
	AMachine                    // a machine that Letterlock is at work on needs an administrator
	ANewCode                    // a code was made with which a sign-in as the person can be set up
	ANewSignIn                  // something new signs in as the person
	AnotherAddress              // mails to the person go elsewhere from here on
	ANewReader                  // somebody can, or can set up to, read letters
	ATrial                      // nothing: somebody tries out whether mail arrives
)

// Message tells one person where something is waiting.
type Message struct {
	About About
	// To is one bare address, as in jo@example.org, in ASCII.
	To string
	// MessageID is unique to the message, without angle brackets, as in
	// x2h5w@example.org; its domain is the sender's own (see Domain).
	MessageID string
	// Link is the http or https address, without a query, behind which what
	// it is about is shown to who may see it. It is no credential.
	Link string
	// Checkpoint is the register's, signed, for whoever keeps the mail as a
	// witness; or empty.
	Checkpoint string
	// Urgent, Requests and Reviews are how many letters wait urgently for a manager,
	// how many requests for a second person, and how many reviews are due; of the
	// day's mail only.
	Urgent, Requests, Reviews int
	// Disks is how many disks of the machine are nearly full; of AMachine only.
	Disks int
}

// kinds are the groups of texts by what a message is about. A text is all that a
// message ever says beside its link.
var kinds = map[About]string{
	ALetter:        "letter",
	AnAlarm:        "alarm",
	AllIsWell:      "well",
	ARequest:       "request",
	AnInvitation:   "invitation",
	Unopened:       "unopened",
	ACall:          "call",
	UnopenedLong:   "unopened-long",
	AMachine:       "machine",
	ANewCode:       "code",
	ANewSignIn:     "sign-in",
	AnotherAddress: "address",
	ANewReader:     "reader",
	ATrial:         "trial",
}

// plainBody has the checkpoint between empty lines, so that a witness finds it whole.
var plainBody = plain.Must(plain.New("message").Parse(`{{.First}}

{{.Link}}
{{range .Waits}}
{{.}}{{end}}{{with .Waits}}
{{end}}
{{.Then}}
{{.Last}}
{{with .Checkpoint}}
{{$.Witness}}

{{.}}{{end}}`))

var htmlBody = template.Must(template.New("message").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head><meta charset="utf-8"><title>{{.Subject}}</title></head>
<body>
<p>{{.First}}</p>
<p><a href="{{.Link}}">{{.Link}}</a></p>
{{range .Waits}}<p>{{.}}</p>
{{end}}<p>{{.Then}}<br>
{{.Last}}</p>
{{with .Checkpoint}}<p>{{$.Witness}}</p>
<pre>{{.}}</pre>
{{end}}</body>
</html>
`))

const (
	// maxAddress is the longest address, in bytes, that SMTP can carry (RFC
	// 5321 4.5.3.1.3, less its angle brackets).
	maxAddress = 254
	// maxLink is the longest link, in bytes: more than any portal's, and less
	// than mail programs cut off.
	maxLink = 450
)

var (
	// A Message-ID names a file in the outbox, hence its narrow alphabet.
	validMessageID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}@[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)
	// A link has nothing that HTML or a mail program could read as its end.
	validLink = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?$`)
	// A checkpoint is what golang.org/x/mod/sumdb/note signs over the register's head.
	validCheckpoint = regexp.MustCompile(`^letterlock register\n[0-9]+\n[A-Za-z0-9+/]{43}=\n\n— [!-~]+ [A-Za-z0-9+/=]+\n$`)
	printable       = regexp.MustCompile(`^[!-~]+$`)
)

// Domain is the part of a sender's address behind the @, for Message-IDs.
func Domain(from string) (string, error) {
	sender, err := parseSender(from)
	if err != nil {
		return "", err
	}
	return domainOf(sender), nil
}

func domainOf(a *netmail.Address) string { return a.Address[strings.LastIndexByte(a.Address, '@')+1:] }

// parseSender reads an address with or without a name before it.
func parseSender(from string) (*netmail.Address, error) {
	sender, err := netmail.ParseAddress(from)
	if err != nil || strings.ContainsAny(from, "\r\n") || !isAddress(sender.Address) {
		return nil, errors.New("reading sender: not an address as in letters@example.org")
	}
	return sender, nil
}

// isAddress accepts one bare address and nothing that a header or an SMTP
// command could read as more than that.
func isAddress(s string) bool {
	if len(s) > maxAddress || !printable.MatchString(s) {
		return false
	}
	parsed, err := netmail.ParseAddress(s)
	return err == nil && parsed.Name == "" && parsed.Address == s
}

// waits says what waits for people: how much, and nothing of what.
func (m Message) waits(l *texts.Language) (says []string) {
	if m.Urgent > 0 {
		says = append(says, l.Text(texts.Say("mail.urgent", "n", m.Urgent)))
	}
	if m.Requests > 0 {
		says = append(says, l.Text(texts.Say("mail.requests", "n", m.Requests)))
	}
	if m.Reviews > 0 {
		says = append(says, l.Text(texts.Say("mail.reviews", "n", m.Reviews)))
	}
	if m.Disks > 0 {
		says = append(says, l.Text(texts.Say("mail.disks", "n", m.Disks)))
	}
	return says
}

// said is a message in words.
type said struct {
	Lang, Subject, First, Link, Then, Last, Witness, Checkpoint string

	Waits []string
}

// in says the message in a language.
func (m Message) in(l *texts.Language) said {
	kind := kinds[m.About]
	then := texts.Say("mail.sign-in-first")
	if m.About == AnInvitation {
		then = texts.Say("mail.code-first")
	}
	return said{
		Lang: l.Tag(), Link: m.Link, Checkpoint: m.Checkpoint, Waits: m.waits(l),
		Subject: l.Text(texts.Word("mail-subject", kind)),
		First:   l.Text(texts.Word("mail-first", kind)),
		Then:    l.Text(then),
		Last:    l.Text(texts.Word("mail-last", kind)),
		Witness: l.Text(texts.Say("mail.witness")),
	}
}

// compose makes the message ready to send, or says why it never can be.
func compose(from *netmail.Address, l *texts.Language, m Message, now time.Time) (*gomail.Msg, error) {
	switch {
	case !isAddress(m.To):
		return nil, fmt.Errorf("writing mail: the recipient's address is not a bare address in ASCII: %w", ErrPermanent)
	case !validMessageID.MatchString(m.MessageID):
		return nil, fmt.Errorf("writing mail: not a Message-ID: %w", ErrPermanent)
	case len(m.Link) > maxLink || !validLink.MatchString(m.Link):
		return nil, fmt.Errorf("writing mail: not a link to a web page: %w", ErrPermanent)
	case m.Checkpoint != "" && !validCheckpoint.MatchString(m.Checkpoint):
		return nil, fmt.Errorf("writing mail: not a register's checkpoint: %w", ErrPermanent)
	}
	says := m.in(l)
	var text, html bytes.Buffer
	if err := errors.Join(plainBody.Execute(&text, says), htmlBody.Execute(&html, says)); err != nil {
		return nil, fmt.Errorf("writing mail: %w", err)
	}
	// Quoted-printable, because go-mail 0.8.1 writes that under the name of 7bit
	// too. It leaves a link of up to 75 characters whole, so that an .eml file
	// can be read as it lies there.
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from)
	msg.ToMailAddress(&netmail.Address{Address: m.To})
	msg.Subject(says.Subject)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(now)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office note comes back
	msg.SetBodyString(gomail.TypeTextPlain, text.String())
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}
