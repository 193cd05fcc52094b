package pdf

import "os"

// NormaliseHere is Normalise in this process, for tests of what is taken that
// would else start a thousand children. One at a time: pdfcpu has one logger.
func NormaliseHere(in, out *os.File) error {
	said := work(in, out, job{Limits: Limits{}.withDefaults(1 << 20)})
	_, err := said.outcome()
	return err
}
