package main

import (
	"path/filepath"
	"runtime"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
)

// checkFiles finds out whether other accounts of this machine can read a secret or a key.
// There is no line where rights are not told by a file's mode.
func (in *installation) checkFiles() []pipeline.Line {
	if runtime.GOOS == "windows" {
		return nil
	}
	if bad := configfile.Exposed(in.private()); bad != "" {
		return []pipeline.Line{{Name: "files", Says: bad}}
	}
	return []pipeline.Line{{Name: "files", OK: true, Says: "Secrets and keys can be read by the account alone that runs Letterlock."}}
}

// private is what on this machine nobody else is to read. The configuration is not of
// it: no secret may stand there.
func (in *installation) private() (all []configfile.Private) {
	add := func(what, path string) {
		if path != "" {
			all = append(all, configfile.Private{What: what, Path: configfile.Beside(in.dir.config, path)})
		}
	}
	if s := in.cfg.Storage; s != nil {
		add("the storage's secret key", s.SecretKeyFile)
	}
	if d := in.cfg.Database; d != nil {
		add("the database's password", d.PasswordFile)
		add("the database's address", d.URLFile)
	} else {
		add("the register", in.dir.database())
	}
	if s := in.cfg.SSO; s != nil {
		add("the client secret of the organisation's sign-in", s.ClientSecretFile)
	}
	add("the mail account's password", in.cfg.Mail.PasswordFile)
	add("the private key of the portal's certificate", in.cfg.Portal.CertificateKeyFile)
	keys, _ := filepath.Glob(in.dir.in("state", "*.key*")) // the pattern is a good one
	for _, key := range keys {
		add("a key in the folder state", key)
	}
	add("the scanner's signing key", in.siteKey())
	add("the expiry weeks' keys", in.keyringFolder())
	return all
}
