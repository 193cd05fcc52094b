package main

import "testing"

// What all servers must have alike is told from what may differ.
func TestWhatServersShare(t *testing.T) {
	setup := func(change func(*Config), policy, codes string) string {
		c := &Config{Policy: "policy-1", Storage: &Storage{Endpoint: "https://one.example.org", Bucket: "letters"}}
		if change != nil {
			change(c)
		}
		return c.shared([]byte(policy), []byte(codes))
	}
	first := setup(nil, "Every letter.", "key")
	if setup(func(c *Config) { c.Storage.Endpoint, c.KeyringFolder = "https://two.example.org", "/mnt" }, "Every letter.", "key") != first {
		t.Error("from where a server reaches the storage may differ")
	}
	for what, other := range map[string]string{
		"another bucket":           setup(func(c *Config) { c.Storage.Bucket = "others" }, "Every letter.", "key"),
		"another policy's name":    setup(func(c *Config) { c.Policy = "policy-2" }, "Every letter.", "key"),
		"another policy's text":    setup(nil, "No letter.", "key"),
		"another key of the codes": setup(nil, "Every letter.", "keys"),
	} {
		if other == first {
			t.Errorf("%s is taken for the same", what)
		}
	}
}
