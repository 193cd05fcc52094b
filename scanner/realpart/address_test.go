package realpart

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// Many ask at once, and no two get the same, where a program can listen.
func TestAnAddressIsGivenOnce(t *testing.T) {
	var mu sync.Mutex
	given := map[string]bool{}
	var all sync.WaitGroup
	for range 300 {
		all.Go(func() {
			at := Address(t)
			mu.Lock()
			defer mu.Unlock()
			if given[at] {
				t.Errorf("%s was given twice", at)
			}
			given[at] = true
		})
	}
	all.Wait()
	for at := range given {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_, port, _ := strings.Cut(at, ":")
		if claim, err := net.Listen("unix", "@letterlock-test-port-"+port); err == nil {
			_ = claim.Close()
			t.Fatalf("%s is anybody's", at)
		}
	}
}
