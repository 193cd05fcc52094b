package main

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	pinned  = regexp.MustCompile(`:[A-Za-z]*\.?[0-9][0-9A-Za-z.-]+(@sha256:[0-9a-f]{64})?$`)
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
	promise(slices.Equal(slices.Sorted(maps.Keys(c.Services)), []string{"letterlock", "owner", "scanner", "setup", "silo"}), "the five services")
	for name, s := range c.Services {
		promise(nonRoot.MatchString(s.User), name+" runs as nobody in particular")
		promise(s.ReadOnly && !s.Privileged, name+" cannot write to its image")
		promise(slices.Equal(s.CapDrop, []string{"ALL"}) && s.CapAdd == nil, name+" has no capabilities")
		promise(slices.Contains(s.SecurityOpt, "no-new-privileges:true"), name+" gains no privileges")
		if s.Build.Dockerfile == "" {
			promise(pinned.MatchString(s.Image) && !strings.HasPrefix(s.Image, "minio/"), name+"'s image is pinned")
		}
		for _, p := range s.Ports {
			promise(name == "letterlock" && strings.HasPrefix(p, "127.0.0.1:"), name+" is published on loopback at most: "+p)
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
		if name != "scanner" && name != "silo" {
			promise(!slices.ContainsFunc(reach, func(n string) bool { return slices.Contains(s.Networks, n) }), "the scanner cannot reach "+name)
			promise(s.NetworkMode == "none" || len(s.Networks) > 0, name+" has networks of its own")
		}
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
		"127.0.0.1:8080:8080":                      "8080:8080",
		"127.0.0.1:8080":                           "0.0.0.0:8080",
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
	for name, s := range c.Services {
		if len(s.Configs) > 0 && !slices.Contains(s.Secrets, path.Base(config.Storage.SecretKeyFile)) {
			t.Errorf("%s has no %s", name, config.Storage.SecretKeyFile)
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
