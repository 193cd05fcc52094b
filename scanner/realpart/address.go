package realpart

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports that a kernel gives to nobody who asks for just any (Linux: from 32768 on),
// and that browsers do not refuse.
const firstPort, ports = 12000, 20000

// Address is a loopback address, host and port, for a program that has to be told
// one, or where nobody is to answer. Until the test ends no other test is given it,
// in whatever process (on Linux), and no connection begins there by chance, so that
// a program may also come back to it.
func Address(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(ports)
		// A name that goes with the process that holds it.
		claim, err := net.Listen("unix", fmt.Sprintf("@letterlock-test-port-%d", port))
		if err != nil {
			continue
		}
		if vacant(port) {
			t.Cleanup(func() { _ = claim.Close() })
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
		_ = claim.Close()
	}
	t.Fatal("no port is free")
	return ""
}

// vacant reports whether a program could listen there, on this or every address.
func vacant(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
