// Package invitation is the file with which a machine becomes the scanner of a site:
// 'letterlock edge invite' writes it, sealed under a code that is told by voice, and
// 'scanner enrol' opens it.
//
// It holds what a scanner needs to reach the bucket, and a signing key that was made
// for this one purpose. With that the scanner proves to the server, by way of the
// bucket, that it is who was invited; its own signing key it makes itself, and that
// never leaves it. Who has the file and not the code has nothing: the code has 60
// bits, and each guess costs the 64 MiB and the fraction of a second of scrypt, so
// that nobody need count the guesses.
package invitation

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
)

// Ext ends the name of an invitation's file.
const Ext = ".invitation"

// Invitation is what a scanner needs.
type Invitation struct {
	Until  time.Time `json:"until"`  // from then on the server does not take it any more
	Key    string    `json:"key"`    // the private key, made for this invitation, with which the scanner asks
	Public string    `json:"public"` // its public half

	Edge
	SecretKey string `json:"secret_key"` // of Edge.AccessKey
}

// Edge is what stands in a scanner's scanner.toml.
type Edge struct {
	Site          string        `json:"site"`
	Helplines     []string      `json:"helplines"`
	Titles        []string      `json:"titles"`                // in the order of Helplines
	Folder        string        `json:"folder"`                // the scanner folder, where nobody says another
	FolderSaid    bool          `json:"folder_said,omitempty"` // whoever invites has named it, and it is not just the usual one
	ServerKey     string        `json:"server_key"`
	Duplex        string        `json:"duplex"`
	ArrivingLimit time.Duration `json:"arriving_limit"`
	AllowSymbols  bool          `json:"allow_symbols"`
	Endpoint      string        `json:"endpoint"`
	Bucket        string        `json:"bucket"`
	Region        string        `json:"region"`
	AccessKey     string        `json:"access_key"`
	WithoutTLS    bool          `json:"without_tls"`

	State, Language, SiteKeyFile string `json:"-"` // which no server knows of: as they were set at the machine; "" for nothing
}

// workFactor is scrypt's, as a power of two: 64 MiB of memory a guess.
const workFactor = 16

// codeLen is in characters of base32: 5 bits each.
const codeLen = 12

// NewCode makes a code, in groups that can be read aloud.
func NewCode() string {
	code := rand.Text()[:codeLen]
	return code[:4] + "-" + code[4:8] + "-" + code[8:]
}

// plain is a code as it was made, however a person has typed it. The digits that
// base32 does not have are letters that look like them.
func plain(code string) string {
	code = strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\r', '\n':
			return -1
		case '0':
			return 'O'
		case '1':
			return 'I'
		case '8':
			return 'B'
		}
		return r
	}, strings.ToUpper(code))
	return code
}

// Seal writes the invitation for whoever has the code.
func (i Invitation) Seal(code string) ([]byte, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("writing invitation: %w", err)
	}
	to, err := age.NewScryptRecipient(plain(code))
	if err != nil {
		return nil, fmt.Errorf("sealing invitation: %w", err)
	}
	to.SetWorkFactor(workFactor)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("sealing invitation: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("sealing invitation: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sealing invitation: %w", err)
	}
	return out.Bytes(), nil
}

// What is wrong with a file or a code.
var (
	ErrCode = errors.New("the code does not open the invitation")
	ErrFile = errors.New("the file is no invitation, or it is damaged")
)

// Open opens an invitation with its code, or returns ErrCode or ErrFile.
func Open(file []byte, code string) (i Invitation, err error) {
	if len(plain(code)) != codeLen {
		return i, ErrCode
	}
	by, err := age.NewScryptIdentity(plain(code))
	if err != nil {
		return i, ErrCode
	}
	by.SetMaxWorkFactor(workFactor)
	r, err := age.Decrypt(bytes.NewReader(file), by)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return i, ErrCode
	}
	if err != nil {
		return i, ErrFile
	}
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return i, ErrFile
	}
	dec := json.NewDecoder(bytes.NewReader(text)) // of a newer server's it reads what it knows
	if err := dec.Decode(&i); err != nil {
		return i, ErrFile
	}
	return i, nil
}

// Config is scanner.toml as 'scanner run' reads it. by is the command that writes it.
func (e Edge) Config(by string) string {
	return fmt.Sprintf(`# Written by '%s'. The scanner's keys lie beside this file; keep them to this machine.
# Look whether folder and endpoint are right as seen from here.
site = %q
helplines = [%s]
titles = [%s]
folder = %q
%sserver_key = %q
site_key_file = %q
duplex = %q
arriving_limit = %q
allow_symbols = %t

[storage]
endpoint = %q
bucket = %q
region = %q
access_key = %q
secret_key_file = "storage.key"
without_tls = %t
`, by, e.Site, quoted(e.Helplines), quoted(e.Titles), e.Folder, e.own(), e.ServerKey, cmp.Or(e.SiteKeyFile, "site.key"), e.Duplex, e.ArrivingLimit.String(), e.AllowSymbols,
		e.Endpoint, e.Bucket, e.Region, e.AccessKey, e.WithoutTLS)
}

// own is what was set at the machine alone.
func (e Edge) own() (lines string) {
	if e.State != "" {
		lines += fmt.Sprintf("state = %q\n", e.State)
	}
	if e.Language != "" {
		lines += fmt.Sprintf("language = %q\n", e.Language)
	}
	return lines
}

func quoted(words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", w))
	}
	return strings.Join(out, ", ")
}
