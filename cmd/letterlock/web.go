package main

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/certificate"
)

// certificate is where the portal's own certificate lies, if it has one. A
// sample has none: it listens on this machine only.
func (in *installation) certificate() (files certificate.Files, ok bool) {
	p := in.cfg.Portal
	if p.CertificateFile == "" || in.sample {
		return files, false
	}
	beside := func(name string) string { return configfile.Beside(in.dir.config, name) }
	return certificate.Files{Certificate: beside(p.CertificateFile), Key: beside(p.CertificateKeyFile)}, true
}

// shownCertificate asks for the one that browsers are shown at that address; nil where
// they are shown none.
func (in *installation) shownCertificate(origin *url.URL) func(context.Context) (*x509.Certificate, error) {
	if origin.Scheme != "https" || in.sample {
		return nil
	}
	return func(ctx context.Context) (*x509.Certificate, error) { return certificate.Shown(ctx, origin) }
}

// web is the portal's web server, with TLS where the portal has a certificate.
func (in *installation) web(portal http.Handler) (*http.Server, error) {
	web := &http.Server{Handler: portal, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		// What it has to say is of connections that failed, and names addresses.
		ErrorLog: log.New(io.Discard, "", 0)}
	files, ok := in.certificate()
	if !ok {
		return web, nil
	}
	keeper, err := certificate.Keep(files, in.log)
	if err != nil {
		return nil, configfile.Wrong("the portal's certificate cannot be used: %s. Put a good one there, and start this again", err)
	}
	web.TLSConfig = keeper.TLS()
	return web, nil
}

// sayIfOpen says that the portal can be reached from other machines without TLS, unless
// the configuration says that none can,
// and has 'check' say it, too, while this process runs.
func (r *roles) sayIfOpen(at net.Addr) {
	host, _, err := net.SplitHostPort(at.String())
	if _, own := r.in.certificate(); err == nil && !own && !r.in.cfg.Portal.WithoutTLS && !configfile.OnLoopback(host) {
		r.server.Exposed(at.String())
		r.in.log.Warn("the portal listens on " + at.String() + " without TLS: let nothing reach it but the web server that ends TLS, or set [portal] certificate_file")
	}
}

// answer answers at the door until the web server is shut.
func (r *roles) answer(door net.Listener) error {
	var err error
	if r.web.TLSConfig != nil {
		err = r.web.ServeTLS(door, "", "")
	} else {
		err = r.web.Serve(door)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// hangUp ends the web server. It leaves a moment for pages that are on their
// way; browsers keep idle connections open for ever.
func (r *roles) hangUp() {
	quit, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if r.web.Shutdown(quit) != nil {
		_ = r.web.Close()
	}
}
