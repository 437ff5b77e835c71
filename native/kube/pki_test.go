package main

import (
	"os"
	"testing"
	"time"
)

// serials returns the serial number of each certificate by its file, so that a test sees which were made anew.
func serials(t *testing.T, d *data) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"ca", "apiserver", "kubelet", "kubelet-client"} {
		p, err := loadPair(d.path("pki", name))
		if err != nil || p == nil {
			t.Fatalf("%s: %v, %v", name, p, err)
		}
		found[name] = p.certificate.SerialNumber.String()
	}
	return found
}

func TestCertificatesAreMadeAnewOnlyWhenTheyMust(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	year := 365 * 24 * time.Hour
	all := []string{"ca", "apiserver", "kubelet", "kubelet-client"}
	cases := map[string]struct {
		spoil func(t *testing.T, d *data)
		node  string
		after time.Duration
		anew  []string
	}{
		"a restart":                   {after: year},
		"leaves close to their end":   {after: leafLife - renewBefore + time.Hour, anew: all[1:]},
		"the authority close to its":  {after: authorityLife - renewBefore + time.Hour, anew: all},
		"a node with another name":    {node: "other", anew: []string{"kubelet"}},
		"a damaged certificate":       {spoil: overwrite("apiserver.crt"), anew: []string{"apiserver"}},
		"a key that is gone":          {spoil: remove("kubelet.key"), anew: []string{"kubelet"}},
		"an authority that is gone":   {spoil: remove("ca.key"), anew: all},
		"a key of another pair":       {spoil: copyOver("kubelet.key", "apiserver.key"), anew: []string{"apiserver"}},
		"the authority of other data": {spoil: remove("ca.crt"), anew: all},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := &data{dir: t.TempDir()}
			if err := os.Mkdir(d.path("pki"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := preparePKI(d, "node", begin); err != nil {
				t.Fatal(err)
			}
			before := serials(t, d)
			if c.spoil != nil {
				c.spoil(t, d)
			}
			node := "node"
			if c.node != "" {
				node = c.node
			}
			if err := preparePKI(d, node, begin.Add(c.after)); err != nil {
				t.Fatal(err)
			}
			expected := map[string]bool{}
			for _, each := range c.anew {
				expected[each] = true
			}
			for each, serial := range serials(t, d) {
				if changed := serial != before[each]; changed != expected[each] {
					t.Errorf("%s: made anew %t, expected %t", each, changed, expected[each])
				}
			}
		})
	}
}

func overwrite(file string) func(*testing.T, *data) {
	return func(t *testing.T, d *data) {
		if err := os.WriteFile(d.path("pki", file), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(file string) func(*testing.T, *data) {
	return func(t *testing.T, d *data) {
		if err := os.Remove(d.path("pki", file)); err != nil {
			t.Fatal(err)
		}
	}
}

func copyOver(from, to string) func(*testing.T, *data) {
	return func(t *testing.T, d *data) {
		content, err := os.ReadFile(d.path("pki", from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.path("pki", to), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokensStayUnlessTheirFileIsDamaged(t *testing.T) {
	path := t.TempDir() + "/tokens.csv"
	first, err := prepareTokens(path, identities("one"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := prepareTokens(path, identities("two"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"admin", "controllers", "node"} {
		if len(first[name]) < 26 || first[name] != second[name] {
			t.Errorf("%s: %q, then %q", name, first[name], second[name])
		}
	}
	if err := os.WriteFile(path, []byte("\"torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	third, err := prepareTokens(path, identities("two"))
	if err != nil || third["admin"] == first["admin"] || third["admin"] == "" {
		t.Errorf("after damage: %v, %v", third, err)
	}
}

func TestNewer(t *testing.T) {
	ours := stamp{Format: 2, Kubernetes: "v1.37.2"}
	cases := map[string]struct {
		theirs stamp
		newer  bool
	}{
		"the same":                    {ours, false},
		"an older format":             {stamp{1, "v1.99.0"}, false},
		"a newer format":              {stamp{3, "v1.0.0"}, true},
		"a newer patch release":       {stamp{2, "v1.37.9"}, false},
		"a newer minor release":       {stamp{2, "v1.38.0"}, true},
		"a newer major release":       {stamp{2, "v2.0.0"}, true},
		"an older release":            {stamp{2, "v1.36.9"}, false},
		"a release that is no number": {stamp{2, "unknown"}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := newer(c.theirs, ours); got != c.newer {
				t.Errorf("newer(%v) = %t", c.theirs, got)
			}
		})
	}
}
