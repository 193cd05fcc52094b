package portal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"letterlock/pipeline/register"
)

// What strangers begin, a sign-in, is kept by themselves, sealed in their browser's
// cookie: however many begin one, they fill nothing, and nobody's place is theirs to
// take. It ends after its time, and once it has signed somebody in it is spent.

// sealingLife is for how long a key seals and opens. It is in the register, so that
// every server opens what one has sealed, and gone before a backup of it is of use.
const sealingLife = 24 * time.Hour

// sealed begins a token that is the thing itself and not the name of it.
const sealed = "sealed."

// sealer seals with a key of this server's own.
type sealer struct {
	register *register.Register
	now      func() time.Time

	mu   sync.Mutex
	id   string // under which the key is found
	key  []byte
	ends time.Time
}

// sealedBody is what is under the seal.
type sealedBody struct {
	Ceremony ceremony
	Ends     time.Time

	is string // what was sealed, however the token that names it is written
}

func underSealing(id string) register.Underway {
	return register.Underway{Kind: "sealing", Token: id}
}

// own is the key with which this server seals now, and that lives longer than what it
// seals. A crash before it is kept leaves nothing that was sealed with it.
func (s *sealer) own(ctx context.Context) (id string, key []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if left := s.ends.Sub(now); left > ceremonyLife && left <= sealingLife {
		return s.id, s.key, nil
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key)
	u := underSealing(rand.Text())
	u.Body, u.Ends = base64.RawStdEncoding.EncodeToString(key), now.Add(sealingLife)
	if err := s.register.KeepUnderway(ctx, u, register.Room{}); err != nil {
		return "", nil, err
	}
	s.id, s.key, s.ends = u.Token, key, u.Ends
	return s.id, s.key, nil
}

// found is the key of that id, whichever server made it. One that is gone before its
// time, as with a restored database, seals nothing more here.
func (s *sealer) found(ctx context.Context, id string) ([]byte, error) {
	u := underSealing(id)
	err := s.register.FindUnderway(ctx, &u)
	if errors.Is(err, register.ErrNotFound) {
		s.mu.Lock()
		if s.id == id {
			s.ends = time.Time{}
		}
		s.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	return base64.RawStdEncoding.DecodeString(u.Body)
}

func aead(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal returns the token that is the ceremony.
func (s *sealer) seal(ctx context.Context, cer ceremony) (token string, err error) {
	id, key, err := s.own(ctx)
	if err != nil {
		return "", err
	}
	box, err := aead(key)
	if err != nil {
		return "", fmt.Errorf("sealing a sign-in: %w", err)
	}
	body, err := json.Marshal(sealedBody{Ceremony: cer, Ends: s.now().Add(ceremonyLife)})
	if err != nil {
		return "", err
	}
	return sealed + id + "." + base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, body, []byte(id))), nil
}

// open is the ceremony of that token; ok is false for what no server here has sealed,
// and for what is over.
func (s *sealer) open(ctx context.Context, token string) (b sealedBody, ok bool, err error) {
	id, text, _ := strings.Cut(strings.TrimPrefix(token, sealed), ".")
	key, err := s.found(ctx, id)
	if err != nil {
		return b, false, unlessNotFound(err)
	}
	box, err := aead(key)
	if err != nil {
		return b, false, fmt.Errorf("opening a sign-in: %w", err)
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return b, false, nil
	}
	body, err := box.Open(nil, nil, data, []byte(id))
	if err != nil || json.Unmarshal(body, &b) != nil {
		return b, false, nil
	}
	b.is = string(data)
	return b, s.now().Before(b.Ends) && !s.now().Before(b.Ends.Add(-ceremonyLife)), nil
}

// spend has the token serve no second time. It is for what has proven itself, so that
// nobody else leaves anything here; of two at once one is the first.
func (s *sealer) spend(ctx context.Context, token string) (first bool, err error) {
	b, ok, err := s.open(ctx, token)
	if err != nil || !ok {
		return false, err
	}
	return s.register.SpendUnderway(ctx, register.Underway{Kind: "spent", Token: b.is, Ends: b.Ends})
}
