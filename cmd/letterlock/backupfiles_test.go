package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Secrets that the configuration names by their whole paths come back where they lie in
// the data folder: in another folder too, where it then names them. A key of the keyring
// is in no backup, whatever names it.
func TestSecretsInTheDataFolderComeBack(t *testing.T) {
	data, kept, key := backedUp(t)
	config, link := filepath.Join(data, "letterlock.toml"), filepath.Join(data, "policy-of-ours.md")
	must(t, os.Mkdir(filepath.Join(data, "secrets"), 0o700))
	secret := filepath.Join(data, "secrets", "mail")
	must(t, os.WriteFile(secret, []byte("the mail account's password"), 0o600))
	outside := filepath.Join(t.TempDir(), "other.pub")
	must(t, os.WriteFile(outside, []byte(read(t, filepath.Join(data, "key.pub"))), 0o600))
	keys, err := filepath.Glob(filepath.Join(data, "keyring", "x*.txt"))
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	must(t, os.Symlink(keys[0], link))
	text := strings.NewReplacer("#policy_file = ", "policy_file = \""+link+"\" # ", "\n[mail]\n", "\n[mail]\npassword_file = '"+secret+"'\n",
		`"key.pub"`, `"`+filepath.Join(data, "key.pub")+`", "`+outside+`"`).Replace(read(t, config))
	must(t, os.WriteFile(config, []byte(text), 0o600))

	said := command(t, data, "backup")
	if !strings.Contains(said, "Not in it") || !strings.Contains(said, outside) || !strings.Contains(said, link) || strings.Contains(said, secret) {
		t.Errorf("it said:\n%s", said)
	}
	from := newestBackup(t, kept)
	if found := searchTree(unpackByHand(t, from, key), "AGE-SECRET-KEY"); len(found) > 0 {
		t.Errorf("a letter's key is in the backup, in %v", found)
	}
	command(t, data, "restore", "--drill", "--from", from, "--key", key)

	place := filepath.Join(t.TempDir(), "new")
	for _, folder := range []string{"bucket", "keyring"} {
		must(t, os.CopyFS(filepath.Join(place, folder), os.DirFS(filepath.Join(data, folder))))
	}
	must(t, os.Rename(data, data+".lost"))
	said = command(t, place, "restore", "--yes", "--from", from, "--key", key)
	if !strings.Contains(said, "They were named below "+data) || !strings.Contains(said, "secrets/mail") || !strings.Contains(said, "key.pub") {
		t.Errorf("it said:\n%s", said)
	}
	cfg, err := readConfig(filepath.Join(place, "letterlock.toml"))
	must(t, err)
	if there := read(t, cfg.Mail.PasswordFile); there != "the mail account's password" || !within(cfg.Mail.PasswordFile, place) {
		t.Errorf("%s holds %q", cfg.Mail.PasswordFile, there)
	}
	if to := cfg.Backup.Recipients; to[0] != filepath.Join(place, "key.pub") || to[1] != outside {
		t.Errorf("backups are sealed to the keys in %v", to)
	}
}
