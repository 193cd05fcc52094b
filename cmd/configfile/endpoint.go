package configfile

import (
	"errors"
	"net"
	"net/url"
)

// OnLoopback reports whether the host is this machine.
func OnLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckEndpoint refuses an S3 server on another machine that is reached without
// TLS, unless the configuration says that it may be. One that is no URL is for
// whoever opens it to refuse.
func CheckEndpoint(endpoint string, withoutTLS bool) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || withoutTLS || OnLoopback(u.Hostname()) {
		return nil
	}
	return errors.New("[storage] endpoint is http:// on another machine: whoever is on the way sees dates and helplines, and can answer in the server's place. Use https://, or set without_tls = true where nobody can be on the way")
}
