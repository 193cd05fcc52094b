package portal

import (
	"net/http"
	"strings"
	"testing"
)

// Those whose letters these are may read by what rule they are kept.
func TestAStrangerReadsThePolicy(t *testing.T) {
	h := newHouse(t)
	answer := h.nobody().get("/policy")
	body := answer.Body.String()
	if answer.Code != http.StatusOK || !strings.Contains(body, "<h1>Confidentiality</h1>") || !strings.Contains(body, "confidentiality-policy-1") {
		t.Errorf("got %d: %s", answer.Code, body)
	}
	if strings.Contains(body, "<script>alert") {
		t.Error("script in the policy is passed on")
	}
}

func TestAPolicyWithoutTextIsNone(t *testing.T) {
	h := newHouse(t)
	cfg := h.portal.cfg
	cfg.Policy.Text = []byte(" \n")
	if _, err := New(t.Context(), cfg); err == nil {
		t.Error("an empty policy is published")
	}
}
