package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// A device is lost, and the code for the next one is made at the server's console. What
// the console ends is the passkeys; whoever holds the device may be signed in at the
// organisation's provider, so it says that, and ends that too where it is told to.
func TestALostDeviceIsSignedInElsewhere(t *testing.T) {
	const issuer = "https://login.example.org"
	data := newData(t)
	command(t, data, "setup", "--settings")
	config := filepath.Join(data, "letterlock.toml")
	must(t, os.WriteFile(config, []byte(read(t, config)+"\n[sso]\nissuer = \""+issuer+"\"\nclient_id = \"web\"\nclient_secret_file = \"client-secret\"\nname = \"Example account\"\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(data, "client-secret"), []byte("secret\n"), 0o600))
	command(t, data, "setup")
	dir, err := locate(data, "")
	must(t, err)
	in, err := open(t.Context(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	defer in.close()
	number, err := in.register.AddPerson(t.Context(), register.Person{Name: "Sam Example", Role: register.Operations})
	must(t, err)
	code, err := in.register.MakeCode(t.Context(), number, codeValid)
	must(t, err)
	proof, err := in.register.CheckCode(t.Context(), number, code)
	must(t, err)
	must(t, in.register.LinkSSO(t.Context(), number, proof, issuer, "sam"))
	signsIn := func(want bool) {
		t.Helper()
		if is, err := in.register.SignsInWith(t.Context(), number, issuer); err != nil || is != want {
			t.Errorf("signs in with the organisation's sign-in: %v, %v", is, err)
		}
	}

	said := command(t, data, "user", "code", "1", "--lost")
	if want := "Staff number 1 still signs in with Example account, and so does whoever holds the device"; !strings.Contains(said, want) || !strings.Contains(said, "letterlock user code 1 --end-sso") {
		t.Errorf("it does not say %q:\n%s", want, said)
	}
	signsIn(true)
	if said = command(t, data, "user", "code", "1", "--lost", "--end-sso"); strings.Contains(said, "still signs in") {
		t.Errorf("it was told to end that:\n%s", said)
	}
	signsIn(false)
	if said = command(t, data, "user", "code", "1", "--end-sso"); !strings.Contains(said, "nothing to end") || !strings.Contains(said, "with the code") {
		t.Errorf("who does not sign in so:\n%s", said)
	}
	if said = command(t, data, "user", "code", "1", "--lost"); strings.Contains(said, "Example account") {
		t.Errorf("it has ended:\n%s", said)
	}
}
