package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit/deposittest"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

const top = "../../" // of the repository

// composition is what of docker-compose.yml the promises are about.
type composition struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
	Configs  map[string]struct{ File, Content string }
	Secrets  map[string]struct{ File, Environment string }
}

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	User        string
	ReadOnly    bool `yaml:"read_only"`
	Privileged  bool
	CapDrop     []string `yaml:"cap_drop"`
	CapAdd      []string `yaml:"cap_add"`
	SecurityOpt []string `yaml:"security_opt"`
	Ports       []string
	Networks    []string
	NetworkMode string `yaml:"network_mode"`
	MemLimit    string `yaml:"mem_limit"`
	PidsLimit   int    `yaml:"pids_limit"`
	Profiles    []string
	Command     []string
	Environment map[string]string
	Configs     []struct{ Source, Target string }
	Secrets     []string
	Volumes     []yaml.Node
	Restart     string
	Healthcheck struct {
		Test    []string
		Disable bool
	}
}

// once are the services that do one thing and end.
var once = []string{"owner", "setup"}

var (
	pinned  = regexp.MustCompile(`:([0-9]+\.[0-9]+[0-9A-Za-z.-]*|RELEASE\.[0-9TZ-]+)(@sha256:[0-9a-f]{64})?$`)
	unasked = regexp.MustCompile(`^\$\{LETTERLOCK_HTTPS?:-127\.0\.0\.1:[0-9]+\}:`)
	nonRoot = regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`)
)

func readComposition(t *testing.T, text string) composition {
	t.Helper()
	var c composition
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// broken lists the promises that the composition breaks.
func broken(c composition) (out []string) {
	promise := func(kept bool, says string) {
		if !kept {
			out = append(out, says)
		}
	}
	promise(slices.Equal(slices.Sorted(maps.Keys(c.Services)), []string{"caddy", "letterlock", "owner", "postgres", "scanner", "setup", "silo"}), "the seven services")
	for name, s := range c.Services {
		promise(nonRoot.MatchString(s.User), name+" runs as nobody in particular")
		promise(s.ReadOnly && !s.Privileged, name+" cannot write to its image")
		promise(slices.Equal(s.CapDrop, []string{"ALL"}) && (s.CapAdd == nil || name == "caddy" && slices.Equal(s.CapAdd, []string{"NET_BIND_SERVICE"})), name+" has no capabilities")
		promise(s.MemLimit != "" && s.PidsLimit > 0, name+" has limits")
		promise(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), name+" gains no privileges")
		if s.Build.Dockerfile == "" {
			promise(pinned.MatchString(s.Image) && !strings.HasPrefix(s.Image, "minio/"), name+"'s image is pinned")
		}
		for _, p := range s.Ports {
			promise(name == "letterlock" && (strings.HasPrefix(p, "127.0.0.1:") || unasked.MatchString(p)), name+" is published on loopback at most, unless somebody asks for more: "+p)
		}
		if slices.Contains(once, name) {
			promise(s.Restart == "no" && s.Healthcheck.Disable, name+" runs once")
		} else {
			promise(s.Restart == "unless-stopped" && len(s.Healthcheck.Test) > 1 && s.Healthcheck.Test[0] == "CMD", name+" is looked after")
		}
		for _, source := range s.Secrets {
			promise(c.Secrets[source].File != "", name+"'s secret "+source+" is a file")
		}
		for key := range s.Environment {
			promise(!strings.Contains(key, "PASSWORD") || strings.HasSuffix(key, "_FILE"), name+" has no password in its environment")
		}
		// An inline config cannot be copied into a container that is read-only.
		for _, config := range s.Configs {
			promise(c.Configs[config.Source].File != "", name+"'s configuration is a file")
		}
	}
	reach := c.Services["scanner"].Networks
	promise(len(reach) == 1 && c.Networks[reach[0]].Internal, "the scanner has one network without a way out")
	for name, s := range c.Services {
		if name == "caddy" {
			promise(s.NetworkMode == "service:letterlock" && slices.Equal(s.Profiles, []string{"https"}), name+" is where it is believed, and only where somebody asks for it")
			continue
		}
		if name != "scanner" && name != "silo" {
			promise(!slices.ContainsFunc(reach, func(n string) bool { return slices.Contains(s.Networks, n) }), "the scanner cannot reach "+name)
			promise(s.NetworkMode == "none" || len(s.Networks) > 0, name+" has networks of its own")
		}
	}
	for _, inside := range []string{"archive", "register", "deposit"} {
		promise(c.Networks[inside].Internal, inside+" has no way out")
	}
	promise(slices.Equal(c.Services["postgres"].Networks, []string{"register"}), "the database is reached by the server alone")
	return out
}

func TestComposeKeepsItsPromises(t *testing.T) {
	text := read(t, top+"docker-compose.yml")
	for _, says := range broken(readComposition(t, text)) {
		t.Errorf("broken: %s", says)
	}
	// Each of these would break one, and is found.
	for good, bad := range map[string]string{
		"127.0.0.1:8080:8080":                      "8080:8080",
		"127.0.0.1:8080":                           "0.0.0.0:8080",
		"HTTPS:-127.0.0.1:8443":                    "HTTPS:-0.0.0.0:443",
		"postgres:17.6-bookworm":                   "postgres:17",
		"pids_limit: 512":                          "stdin_open: false",
		"mem_limit: 2g":                            "stdin_open: false",
		"register: {internal: true}":               "register: {}",
		"networks: [register]":                     "networks: [register, portal]",
		"[NET_BIND_SERVICE]":                       "[NET_BIND_SERVICE, NET_RAW]",
		"network_mode: service:letterlock":         "networks: [portal]",
		"profiles: [https]":                        "profiles: []",
		"POSTGRES_PASSWORD_FILE: /run":             "POSTGRES_PASSWORD: /run",
		"silo:RELEASE.2026-09-16T00-00-00Z":        "silo:latest",
		"pgsty/silo:":                              "minio/minio:",
		"read_only: true":                          "read_only: false",
		"cap_drop: [ALL]":                          "cap_drop: [MKNOD]",
		"no-new-privileges:true":                   "seccomp:unconfined",
		`user: "65532:65532"`:                      `user: "0:0"`,
		"networks: [deposit]":                      "networks: [archive]",
		"deposit: {internal: true}":                "deposit: {}",
		"MINIO_ROOT_PASSWORD_FILE: storage":        "MINIO_ROOT_PASSWORD: storage",
		"file: .secrets/storage":                   "environment: storage",
		"file: cmd/letterlock/compose.toml":        "content: policy",
		"network_mode: none":                       "stdin_open: false",
		`test: ["CMD", "/usr/bin/scanner"`:         `start: ["CMD", "/usr/bin/scanner"`,
		"    networks: [archive, deposit]\n":       "    networks: [archive, deposit]\n    ports: [\"127.0.0.1:9000:9000\"]\n",
		"    command: [\"server\"":                 "    privileged: true\n    command: [\"server\"",
		"    command: [\"run\"":                    "    cap_add: [CHOWN]\n    command: [\"run\"",
		"    restart: unless-stopped\n\n  # Makes": "    restart: always\n\n  # Makes",
	} {
		changed := strings.ReplaceAll(text, good, bad)
		if changed == text {
			t.Errorf("the file has no %q", good)
		} else if len(broken(readComposition(t, changed))) == 0 {
			t.Errorf("no promise is broken by %q", bad)
		}
	}
}

// The parts of the composition fit each other and the program.
func TestComposeFitsTogether(t *testing.T) {
	c := readComposition(t, read(t, top+"docker-compose.yml"))
	config, err := readConfig(top + c.Configs["letterlock"].File)
	if err != nil {
		t.Fatal(err)
	}
	silo := c.Services["silo"]
	if config.Storage.AccessKey != silo.Environment["MINIO_ROOT_USER"] {
		t.Error("the server is not who the storage expects")
	}
	if config.Storage.Endpoint != "http://silo"+silo.Command[slices.Index(silo.Command, "--address")+1] {
		t.Errorf("the storage is not at %s", config.Storage.Endpoint)
	}
	database := c.Services["postgres"].Environment
	if address, err := url.Parse(config.Database.URL); err != nil || address.Host != "postgres" || address.User.Username() != database["POSTGRES_USER"] ||
		address.Path != "/"+database["POSTGRES_DB"] || config.Database.PasswordFile != database["POSTGRES_PASSWORD_FILE"] {
		t.Errorf("the database is not at %s (%v)", config.Database.URL, err)
	}
	if caddy := strings.TrimSuffix(strings.TrimPrefix(c.Services["caddy"].Image, "caddy:"), "-alpine"); !strings.Contains(read(t, top+".ci/run"), "caddy v"+caddy+"\n") {
		t.Errorf("tests run with another web server than %s", c.Services["caddy"].Image)
	}
	for name, s := range c.Services {
		for _, file := range []string{config.Storage.SecretKeyFile, config.Database.PasswordFile} {
			if len(s.Configs) > 0 && !slices.Contains(s.Secrets, path.Base(file)) {
				t.Errorf("%s has no %s", name, file)
			}
		}
		if s.Build.Dockerfile != "" {
			read(t, top+s.Build.Dockerfile)
		}
		for _, v := range s.Volumes {
			var short string
			var long struct{ Source string }
			if v.Decode(&short) == nil {
				long.Source, _, _ = strings.Cut(strings.Replace(short, "${LETTERLOCK_SCANS:-scans}", "scans", 1), ":")
			} else if err := v.Decode(&long); err != nil {
				t.Fatal(err)
			}
			if _, named := c.Volumes[long.Source]; !named {
				t.Errorf("%s mounts %q, which is no named volume", name, long.Source)
			}
		}
		if s.Build.Dockerfile != "cmd/letterlock/Dockerfile" || name == "owner" {
			continue
		}
		parser, err := kong.New(&cli{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(s.Command); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDockerfilesKeepTheirPromises(t *testing.T) {
	for _, file := range []string{top + "cmd/letterlock/Dockerfile", top + "cmd/scanner/Dockerfile"} {
		text := read(t, file)
		var last string
		for line := range strings.Lines(text) {
			if image, is := strings.CutPrefix(strings.TrimSpace(line), "FROM "); is {
				last, _, _ = strings.Cut(image, " ")
				if last != "scratch" && !pinned.MatchString(last) {
					t.Errorf("%s: %s is not pinned", file, last)
				}
			}
		}
		if last != "scratch" {
			t.Errorf("%s: the image holds more than Letterlock: %s", file, last)
		}
		for _, line := range []string{"USER 65532:65532\n", "HEALTHCHECK ", "CGO_ENABLED=0 "} {
			if !strings.Contains(text, line) {
				t.Errorf("%s has no %q", file, line)
			}
		}
		ignored := read(t, file+".dockerignore")
		for _, part := range []string{"go.mod", "go.sum", "cmd", "scanner"} {
			if !strings.Contains(ignored, "\n!"+part+"\n") {
				t.Errorf("%s.dockerignore leaves out %s", file, part)
			}
		}
		if !strings.Contains(ignored, "\n*\n") {
			t.Errorf("%s.dockerignore lets in what is not built", file)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// newComposed is what docker-compose.yml starts, as processes with the same
// arguments and the same configuration, but for where things are on this machine.
// The database asks for its password.
func newComposed(t *testing.T) *apart {
	t.Helper()
	store, data, secrets, root := deposittest.Start(t), newData(t), t.TempDir(), t.TempDir()
	o := &apart{t: t, s3: store.Config(), s3dir: store.Dir, data: data, configured: filepath.Join(root, "letterlock.toml"),
		edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans"), binary: buildScanner(t)}
	const password = "a-password-of-the-test"
	database := postgrestest.Start(t).Guarded(t, "letterlock", password)
	c := readComposition(t, read(t, top+"docker-compose.yml"))
	text := strings.NewReplacer("http://silo:9000", o.s3.Endpoint, `bucket = "letters"`, fmt.Sprintf("bucket = %q", o.s3.Bucket),
		"@postgres/", "@"+database+"/", "/run/secrets/", secrets+"/").Replace(read(t, top+c.Configs["letterlock"].File))
	for path, content := range map[string]string{filepath.Join(secrets, "storage-password"): o.s3.SecretKey,
		filepath.Join(secrets, "database-password"): password + "\n", o.configured: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LETTERLOCK_CONFIG", o.configured)
	here := strings.NewReplacer("/etc/letterlock/letterlock.toml", o.configured, "/data", data, "/edge", o.edge)
	var args []string
	for _, arg := range c.Services["setup"].Command {
		args = append(args, here.Replace(arg))
	}
	passwordFile := filepath.Join(secrets, "database-password")
	must(t, os.WriteFile(passwordFile, []byte("another"), 0o600))
	if out, err := letterlockCmd(t, data, append(args, "--scans", o.scans)...).CombinedOutput(); err == nil || !strings.Contains(string(out), "the database's server refuses: look at the user, the password") || strings.Contains(string(out), "another") {
		t.Errorf("with a wrong password setup ended with %v and said:\n%s", err, out)
	}
	must(t, os.WriteFile(passwordFile, []byte(password+"\n"), 0o600))
	for range 2 { // set-up may be run again
		command(t, data, append(args, "--scans", o.scans)...)
	}
	o.settlesIn()
	return o
}
