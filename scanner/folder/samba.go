package folder

import (
	"bufio"
	"bytes"
	"context"
	"os/exec"
	"strings"
	"time"
)

// sambaShares asks the Samba of this machine, if there is one, for its shares.
func sambaShares(config ...string) []share {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// testparm prints the whole configuration in one form, with what it includes.
	out, err := exec.CommandContext(ctx, "testparm", append([]string{"--suppress-prompt"}, config...)...).Output()
	if err != nil {
		return nil // there is none, or it cannot be asked
	}
	return parseShares(out)
}

// parseShares reads what testparm prints. What stands under [global] goes for
// every share that says nothing else.
func parseShares(text []byte) (shares []share) {
	var global, now share
	section := ""
	end := func() {
		switch {
		case section == "global":
			global = now
		case now.path != "":
			shares = append(shares, now)
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			end()
			section, now = strings.ToLower(strings.TrimSuffix(name, "]")), global
			now.path = ""
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "path":
			now.path = value
		case "vfs objects":
			now.recycles, now.shadows = false, false
			for _, module := range strings.Fields(value) {
				module, _, _ = strings.Cut(module, ":")
				now.recycles = now.recycles || module == "recycle"
				now.shadows = now.shadows || strings.HasPrefix(module, "shadow_copy") || module == "snapper" || module == "ceph_snapshots"
			}
		case "recycle:repository":
			now.repository = value
		}
	}
	end()
	return shares
}
