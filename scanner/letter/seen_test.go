package letter

import "testing"

// What a scanner says it has seen is believed under its own signature, within
// bounds that leave room to number on.
func TestSeen(t *testing.T) {
	office, officePub := keys(t, "office")
	annexe, annexePub := keys(t, "annexe")
	msg, err := Seen{Site: "office", Serial: 41}.Sign(office)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := OpenSeen(msg, officePub); err != nil || s.Serial != 41 {
		t.Errorf("read as %+v, %v", s, err)
	}
	if _, err := OpenSeen(msg, annexePub); err == nil {
		t.Error("another scanner's key opens it")
	}
	for what, s := range map[string]Seen{
		"another's name":    {Site: "office", Serial: 41},
		"no list at all":    {Site: "annexe"},
		"more than can be":  {Site: "annexe", Serial: MaxSerial + 1},
		"all that there is": {Site: "annexe", Serial: 1<<64 - 1},
	} {
		msg, err := s.Sign(annexe)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSeen(msg, annexePub); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
	manifest, err := Sign(kindManifest, Seen{Site: "office", Serial: 41}, office)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSeen(manifest, officePub); err == nil {
		t.Error("a signature under another kind is believed")
	}
}

func TestTheKeyOfSeen(t *testing.T) {
	if site, ok := SplitSeen(SeenKey("office")); site != "office" || !ok {
		t.Errorf("read as %q, %v", site, ok)
	}
	for _, key := range []string{IncomingKey("office", NewID()), "incoming/seen", "incoming//seen", "incoming/a/b/seen", "receipts/office/seen", "incoming/office/seen2"} {
		if _, ok := SplitSeen(key); ok {
			t.Errorf("%s is taken for one", key)
		}
	}
	if _, _, ok := SplitIncoming(SeenKey("office")); ok {
		t.Error("it is taken for a manifest's")
	}
}
