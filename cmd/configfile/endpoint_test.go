package configfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStorageElsewhereNeedsTLS(t *testing.T) {
	for endpoint, needs := range map[string]bool{
		"https://s3.example.org": false, "http://127.0.0.1:9000": false, "http://localhost:9000": false, "http://[::1]:9000": false,
		"http://s3.example.org": true, "http://silo:9000": true, "http://10.0.0.7:9000": true, "http://localhost.example.org": true, "HTTP://s3.example.org": true,
		"": false, "%": false, // which are refused elsewhere
	} {
		if err := CheckEndpoint(endpoint, false); (err != nil) != needs {
			t.Errorf("%q: %v", endpoint, err)
		}
		if err := CheckEndpoint(endpoint, true); err != nil {
			t.Errorf("%q, allowed: %v", endpoint, err)
		}
	}
}

// The storage's key stands in its file alone, with its access key, or, where it ends by
// itself, with its session token too.
func TestTheFileWithTheStoragesKey(t *testing.T) {
	config := filepath.Join(t.TempDir(), "letterlock.toml")
	for text, want := range map[string][3]string{
		"secret\n":                  {"configured", "secret", ""},
		"access\nsecret\n":          {"access", "secret", ""},
		"access\r\nsecret\r\n":      {"access", "secret", ""},
		"access\nsecret\ntoken==\n": {"access", "secret", "token=="},
	} {
		if err := os.WriteFile(Beside(config, "storage.key"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		access, secret, token, err := StorageKey(config, "storage.key", "configured")
		if got := [3]string{access, secret, token}; got != want || err != nil {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}
