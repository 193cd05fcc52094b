package configfile

import "testing"

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
