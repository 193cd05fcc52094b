package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/cmd/commandline"
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
	Image string
	Build struct {
		Context, Dockerfile string
		Args                map[string]string
	}
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
	Hostname    string
	Grace       string `yaml:"stop_grace_period"`
	Logging     struct {
		Driver  string
		Options map[string]string
	}
	Healthcheck struct {
		Test    []string
		Disable bool
	}
}

// once are the services that do one thing and end.
var once = []string{"owner", "setup"}

var (
	pinned      = regexp.MustCompile(`:([0-9]+\.[0-9]+[0-9A-Za-z.-]*|RELEASE\.[0-9TZ-]+)(@sha256:[0-9a-f]{64})?$`)
	unasked     = regexp.MustCompile(`^\$\{LETTERLOCK_HTTPS?:-127\.0\.0\.1:[0-9]+\}:`)
	unlessNamed = regexp.MustCompile(`^\$\{LETTERLOCK_[A-Z]+:-([a-z]+)\}`) // a volume, unless somebody names a folder
	nonRoot     = regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`)
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
		log := s.Logging
		promise(log.Driver == "local" && log.Options["max-size"] != "" && log.Options["max-file"] != "", name+"'s log does not fill the disk")
		promise(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), name+" gains no privileges")
		if s.Build.Dockerfile == "" {
			promise(pinned.MatchString(s.Image) && !strings.HasPrefix(s.Image, "minio/"), name+"'s image is pinned")
		} else {
			promise(s.Build.Args["VERSION"] == "${LETTERLOCK_VERSION:-}", name+" is built as the version that is asked for")
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
	for _, n := range c.Services["setup"].Networks {
		promise(c.Networks[n].Internal, "who may do everything in the storage has no way out")
	}
	for _, name := range []string{"letterlock", "scanner"} {
		s := c.Services[name]
		promise(s.Hostname != "", name+" is the same one when its container is made anew")
		promise(s.Grace == "1m", name+" has as long to end as its unit gives it")
	}
	promise(slices.Equal(c.Services["postgres"].Networks, []string{"register"}), "the database is reached by the server alone")
	for name, s := range c.Services {
		promise(name == "silo" || name == "setup" || !slices.Contains(s.Secrets, "storage-password"), name+" is not who may do everything in the storage")
	}
	return out
}

func TestComposeKeepsItsPromises(t *testing.T) {
	text := read(t, top+"docker-compose.yml")
	for _, says := range broken(readComposition(t, text)) {
		t.Errorf("broken: %s", says)
	}
	// Each of these would break one, and is found.
	for good, bad := range map[string]string{
		"VERSION: ${LETTERLOCK_VERSION":            "VERSION: ${VERSION",
		"127.0.0.1:8080:8080":                      "8080:8080",
		"127.0.0.1:8080":                           "0.0.0.0:8080",
		"HTTPS:-127.0.0.1:8443":                    "HTTPS:-0.0.0.0:443",
		"postgres:17.6-bookworm":                   "postgres:17",
		"pids_limit: 512":                          "stdin_open: false",
		"mem_limit: 2g":                            "stdin_open: false",
		"driver: local":                            "driver: json-file",
		"max-size: 10m, ":                          "",
		`, max-file: "5"`:                          "",
		"register: {internal: true}":               "register: {}",
		"networks: [register]":                     "networks: [register, portal]",
		"  secrets: [database-password]":           "  secrets: [storage-password, database-password]",
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
		"networks: [archive, register]\n":          "networks: [archive, register, portal]\n",
		"deposit: {internal: true}":                "deposit: {}",
		"MINIO_ROOT_PASSWORD_FILE: storage":        "MINIO_ROOT_PASSWORD: storage",
		"file: .secrets/storage":                   "environment: storage",
		"file: cmd/letterlock/compose.toml":        "content: policy",
		"network_mode: none":                       "stdin_open: false",
		`test: ["CMD", "/usr/bin/scanner"`:         `start: ["CMD", "/usr/bin/scanner"`,
		"hostname: letterlock":                     "stdin_open: false",
		"hostname: scanner":                        "stdin_open: false",
		"stop_grace_period: 1m":                    "stop_grace_period: 10s",
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

// What the composition asks .env for is set in .env: in front of a command it would
// hold for that command alone, and the next one would make a container anew that has
// another volume, site or name. Only what an image is built as is said where it is built.
func TestWhatTheCompositionAsksForIsSetInEnv(t *testing.T) {
	text := read(t, top+"docker-compose.yml")
	var asked []string
	for _, m := range regexp.MustCompile(`\$\{(LETTERLOCK_[A-Z_]+):-`).FindAllStringSubmatch(text, -1) {
		asked = append(asked, m[1])
	}
	for _, s := range readComposition(t, text).Services {
		for _, built := range s.Build.Args {
			asked = slices.DeleteFunc(asked, func(name string) bool { return strings.Contains(built, "${"+name+":-") })
		}
	}
	if !slices.Contains(asked, "LETTERLOCK_SCANS") || !slices.Contains(asked, "LETTERLOCK_BACKUPS") {
		t.Fatalf("the composition asks for %v", asked)
	}
	pages := map[string]string{"docker-compose.yml": text}
	for _, page := range []string{"README.md", "pipeline/README.md", "scanner/README.md", "cmd/letterlock/ADMIN.md", "cmd/letterlock/compose.toml", "cmd/letterlock/Dockerfile", "cmd/scanner/Dockerfile"} {
		pages[page] = read(t, top+page)
	}
	for page, text := range pages {
		for _, before := range regexp.MustCompile("((?:[A-Z_]+=(?:\\$\\([^)]*\\)|[^\\s`]+) +)+)docker\\b").FindAllString(text, -1) {
			for _, name := range asked {
				if strings.Contains(before, name+"=") {
					t.Errorf("%s has %s set for one command alone: %s", page, name, before)
				}
			}
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
	setup := c.Services["setup"]
	if admin := setup.Command[slices.Index(setup.Command, "--storage-admin")+1]; !slices.Contains(setup.Secrets, path.Base(admin)) || path.Base(admin) != silo.Environment["MINIO_ROOT_PASSWORD_FILE"] {
		t.Errorf("set-up has no %s", admin)
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
	// A restore does not wait for the database by itself: what starts that does.
	if starts := regexp.MustCompile(`(?m)^docker compose up .*\bpostgres$`).FindAllString(read(t, "ADMIN.md"), -1); len(starts) == 0 || slices.ContainsFunc(starts, func(line string) bool { return !strings.Contains(line, " --wait ") }) {
		t.Errorf("whoever types a restore as a block may be faster than the database: %q", starts)
	}
	for name, s := range c.Services {
		if len(s.Configs) > 0 && !slices.Contains(s.Secrets, path.Base(config.Database.PasswordFile)) {
			t.Errorf("%s has no %s", name, config.Database.PasswordFile)
		}
		if s.Build.Dockerfile != "" {
			read(t, top+s.Build.Dockerfile)
		}
		for _, v := range s.Volumes {
			var short string
			var long struct{ Source string }
			if v.Decode(&short) == nil {
				long.Source, _, _ = strings.Cut(unlessNamed.ReplaceAllString(short, "$1"), ":")
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
		commands := [][]string{s.Command}
		if !s.Healthcheck.Disable {
			commands = append(commands, s.Healthcheck.Test[2:])
		}
		for _, command := range commands {
			parser, err := kong.New(&cli{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(command); err != nil {
				t.Errorf("%s: %v: %v", name, command, err)
			}
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
		if !slices.Contains(strings.Split(text, "\n"), "ARG VERSION=") {
			t.Errorf("%s takes no VERSION", file)
		}
		for version, want := range map[string]string{"v1.4.0": "v1.4.0", "": commandline.Unreleased} {
			if built := versionBuilt(t, text, version); built != want {
				t.Errorf("built as version %q by %s it is %q", version, file, built)
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

// versionBuilt is the version of a program that is built as that Dockerfile has it.
func versionBuilt(t *testing.T, dockerfile, version string) string {
	t.Helper()
	build := regexp.MustCompile(`go build -trimpath (-buildvcs=false) -ldflags="([^"]+)"`).FindStringSubmatch(dockerfile)
	if build == nil {
		t.Fatal("the Dockerfile builds nothing")
	}
	small := filepath.Join(t.TempDir(), "version.go")
	must(t, os.WriteFile(small, []byte("package main\n\nimport \"letterlock/cmd/commandline\"\n\nfunc main() { print(commandline.Version()) }\n"), 0o600))
	out, err := exec.Command("go", "run", build[1], "-ldflags="+strings.ReplaceAll(build[2], "$VERSION", version), small).CombinedOutput()
	if err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return string(out)
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
	data, secrets, root := newData(t), t.TempDir(), t.TempDir()
	c := readComposition(t, read(t, top+"docker-compose.yml"))
	store := startSilo(t, c.Services["silo"], secrets)
	o := &apart{t: t, s3: store.Config(), s3dir: store.Dir, data: data, configured: filepath.Join(root, "letterlock.toml"),
		edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans"), binary: buildScanner(t)}
	const password = "a-password-of-the-test"
	postgres := c.Services["postgres"]
	if len(postgres.Command) != 3 || postgres.Command[1] != "-c" {
		t.Fatalf("the test does not know what PostgreSQL is started with: %v", postgres.Command)
	}
	o.database = postgrestest.StartAs(t, strings.Fields(postgres.Environment["POSTGRES_INITDB_ARGS"]), postgres.Command[2])
	database := o.database.Guarded(t, postgres.Environment["POSTGRES_DB"], password)
	backups := filepath.Join(root, "backups")
	must(t, os.Mkdir(backups, 0o700))
	text := strings.NewReplacer("#duplex", "duplex", `"/backups"`, fmt.Sprintf("%q", backups), "/data/backup-key.pub", filepath.Join(data, "backup-key.pub"), "http://silo:9000", o.s3.Endpoint, `bucket = "letters"`, fmt.Sprintf("bucket = %q", o.s3.Bucket),
		"@postgres/", "@"+database+"/", "/run/secrets/", secrets+"/", "/data/storage.key", filepath.Join(data, "storage.key")).Replace(read(t, top+c.Configs["letterlock"].File))
	for path, content := range map[string]string{filepath.Join(secrets, "database-password"): password + "\n", o.configured: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LETTERLOCK_CONFIG", o.configured)
	here := strings.NewReplacer("/etc/letterlock/letterlock.toml", o.configured, "/data", data, "/edge", o.edge, "/run/secrets/", secrets+"/", "/backups", backups)
	o.here = here.Replace
	o.setup = func(env map[string]string) (args []string) {
		for _, arg := range c.Services["setup"].Command {
			args = append(args, here.Replace(filledIn(arg, env)))
		}
		return append(args, "--scans", o.scans)
	}
	args := o.setup(nil)
	passwordFile := filepath.Join(secrets, "database-password")
	must(t, os.WriteFile(passwordFile, []byte("another"), 0o600))
	if out, err := letterlockCmd(t, data, args...).CombinedOutput(); err == nil || !strings.Contains(string(out), "the database's server refuses: look at the user, the password") || strings.Contains(string(out), "another") {
		t.Errorf("with a wrong password setup ended with %v and said:\n%s", err, out)
	}
	must(t, os.WriteFile(passwordFile, []byte(password+"\n"), 0o600))
	for range 2 { // set-up may be run again
		command(t, data, args...)
	}
	o.settlesIn()
	return o
}

// filledIn is an argument of the composition's as Compose reads it, with what is in the
// file .env.
func filledIn(arg string, env map[string]string) string {
	return unlessSet.ReplaceAllStringFunc(arg, func(whole string) string {
		m := unlessSet.FindStringSubmatch(whole)
		return cmp.Or(env[m[1]], m[2])
	})
}

var unlessSet = regexp.MustCompile(`\$\{(LETTERLOCK_[A-Z_]+):-([^}]*)\}`)

// startSilo starts the storage as the composition has it, but for where it listens and
// keeps things: with its arguments, and with nothing but its environment. Its password is
// in the file of that secret.
func startSilo(t *testing.T, silo service, secrets string) *deposittest.Server {
	t.Helper()
	password := rand.Text() + "\n"
	file := filepath.Join(secrets, silo.Environment["MINIO_ROOT_PASSWORD_FILE"])
	must(t, os.WriteFile(file, []byte(password), 0o600))
	return deposittest.StartAs(t, silo.Environment["MINIO_ROOT_USER"], strings.TrimSpace(password), func(address, dir string) (args, environ []string) {
		for _, arg := range silo.Command {
			args = append(args, strings.NewReplacer(":9000", address, "/data", dir).Replace(arg))
		}
		for key, value := range silo.Environment {
			if key == "MINIO_ROOT_PASSWORD_FILE" {
				value = file // which counts from /run/secrets
			}
			environ = append(environ, key+"="+value)
		}
		return args, environ
	})
}

// composed runs a command of ADMIN.md's as it is run in the composition: sticks are the
// folders that are mounted for it alone, by where they are in the container.
func (o *apart) composed(line string, sticks map[string]string) (said string, status int) {
	o.t.Helper()
	m := inComposition.FindStringSubmatch(line)
	if m == nil {
		o.t.Fatalf("%q is not run in the composition", line)
	}
	var args []string
	for _, arg := range strings.Fields(m[1]) {
		arg = o.here(arg)
		for at, folder := range sticks {
			if rest, is := strings.CutPrefix(arg, at); is {
				arg = folder + rest
			}
		}
		args = append(args, arg)
	}
	out, err := letterlockCmd(o.t, o.data, args...).CombinedOutput()
	return string(out), exitCode(err)
}

// inComposition finds what a command line of docker compose has the server's program do.
var inComposition = regexp.MustCompile(`(?m)^ *docker compose (?:exec (?:-T )?letterlock letterlock|run(?: --[a-z-]+| -v \S+)* (?:letterlock|setup)) (.+)$`)
