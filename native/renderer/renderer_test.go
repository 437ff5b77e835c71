package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp" //nolint:staticcheck // what Helm signs with
	"helm.sh/helm/v4/pkg/provenance"
)

func TestASignatureIsOfTheArchiveAndOfAKnownKey(t *testing.T) {
	ann, bob := newKey(t, "Ann"), newKey(t, "Bob")
	folder := t.TempDir()
	archive := []byte("a chart")
	signed, err := (&provenance.Signatory{Entity: ann}).ClearSign(archive, "demo-1.0.0.tgz", []byte("name: demo\n"))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(content []byte, key *openpgp.Entity) (*verifyResult, error) {
		var ring bytes.Buffer
		if err := key.Serialize(&ring); err != nil {
			t.Fatal(err)
		}
		asked := &verifyRequest{
			Archive:    write(t, folder, "demo.tgz", content),
			Provenance: write(t, folder, "demo.prov", []byte(signed)),
			Keyring:    write(t, folder, "ring.gpg", ring.Bytes()),
			Name:       "demo-1.0.0.tgz",
		}
		return verify(asked)
	}
	if found, err := ask(archive, ann); err != nil || !strings.HasPrefix(strings.Join(found.SignedBy, ""), "Ann") {
		t.Errorf("what Ann signed: %v, %v", found, err)
	}
	if _, err := ask([]byte("another chart"), ann); err == nil {
		t.Error("another archive passes for the signed one")
	}
	if _, err := ask(archive, bob); err == nil {
		t.Error("a key that signed nothing passes")
	}
}

func newKey(t *testing.T, name string) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity(name, "", strings.ToLower(name)+"@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t *testing.T, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatKustomizeSaysIsCutToWhatIsWrong(t *testing.T) {
	for said, wanted := range map[string]string{
		"plain": "plain",
		"accumulating resources: accumulation err='accumulating resources from 'a.yaml': bad YAML': must build at " +
			"directory: '/source/a.yaml': file is not directory": "accumulating resources from 'a.yaml': bad YAML",
		"accumulating resources: accumulation err='cannot read content from non-file '/source/base'': " +
			"invalid Kustomization": "invalid Kustomization",
	} {
		if got := innermost(said); got != wanted {
			t.Errorf("%q\n got %q\nwant %q", said, got, wanted)
		}
	}
}
