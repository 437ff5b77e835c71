package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/provenance"
	"sigs.k8s.io/yaml"

	"lateen.dev/native/wire"
)

// A pickRequest asks for the highest version in a range, of a list or of what the index of a chart repository (a file on
// this machine) has under a name. An empty range, "*" and "latest" stand for any version that is not a preview.
type pickRequest struct {
	Range    string   `json:"range"`
	Versions []string `json:"versions"`
	Index    string   `json:"index"`
	Name     string   `json:"name"`
}

type pickResult struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls,omitempty"`
	Digest  string   `json:"digest,omitempty"`
}

type indexEntry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"`
}

func pick(asked *pickRequest) (*pickResult, error) {
	if asked.Index == "" {
		version, err := highest(asked.Range, asked.Versions)
		return &pickResult{Version: version}, err
	}
	entries, err := indexed(asked.Index, asked.Name)
	if err != nil {
		return nil, err
	}
	versions := make([]string, len(entries))
	for i, each := range entries {
		versions[i] = each.Version
	}
	version, err := highest(asked.Range, versions)
	if err != nil {
		return nil, err
	}
	found := entries[slices.Index(versions, version)]
	return &pickResult{Version: version, URLs: found.URLs, Digest: found.Digest}, nil
}

func indexed(file, name string) ([]indexEntry, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var index struct {
		Entries map[string][]indexEntry `json:"entries"`
	}
	if err := yaml.Unmarshal(body, &index); err != nil {
		return nil, sourceFailure("index", "the index of the repository cannot be read: "+err.Error())
	}
	if index.Entries == nil {
		return nil, sourceFailure("index", "this is no index of a chart repository: it has no entries")
	}
	entries := index.Entries[name]
	if len(entries) == 0 {
		return nil, sourceFailure("chart", fmt.Sprintf("the repository has no chart %s", name))
	}
	return entries, nil
}

func highest(wanted string, versions []string) (string, error) {
	if slices.Contains(versions, wanted) {
		return wanted, nil
	}
	if wanted == "" || wanted == "latest" {
		wanted = "*"
	}
	limits, err := semver.NewConstraint(wanted)
	if err != nil {
		return "", sourceFailure("range", fmt.Sprintf("%q is neither a version nor a range of versions", wanted))
	}
	var best *semver.Version
	for _, each := range versions {
		version, err := semver.NewVersion(each)
		if err == nil && limits.Check(version) && (best == nil || version.GreaterThan(best)) {
			best = version
		}
	}
	if best == nil {
		few := versions[:min(len(versions), 5)]
		return "", sourceFailure("version", fmt.Sprintf("no version is %s; there are %s", wanted, strings.Join(few, ", ")))
	}
	return best.Original(), nil
}

// A verifyRequest asks whether an archive is what a provenance file says, signed by a key of the ring. Archive, Provenance
// and Keyring are files on this machine; Name is what the archive was called where it was published.
type verifyRequest struct {
	Archive    string `json:"archive"`
	Provenance string `json:"provenance"`
	Keyring    string `json:"keyring"`
	Name       string `json:"name"`
}

type verifyResult struct {
	SignedBy []string `json:"signedBy"`
}

func verify(asked *verifyRequest) (*verifyResult, error) {
	ring, err := provenance.NewFromKeyring(asked.Keyring, "")
	if err != nil {
		return nil, sourceFailure("keyring", "the keys cannot be read: "+err.Error())
	}
	archive, err := os.ReadFile(asked.Archive)
	if err != nil {
		return nil, err
	}
	signed, err := os.ReadFile(asked.Provenance)
	if err != nil {
		return nil, err
	}
	checked, err := ring.Verify(archive, signed, asked.Name)
	if err != nil {
		return nil, sourceFailure("signature", "the chart is not what was signed: "+err.Error())
	}
	result := &verifyResult{SignedBy: []string{}}
	for name := range checked.SignedBy.Identities {
		result.SignedBy = append(result.SignedBy, name)
	}
	slices.Sort(result.SignedBy)
	return result, nil
}

func sourceFailure(kind, message string) *wire.Failure {
	return &wire.Failure{Kind: "template", Message: message, Problems: []wire.Problem{
		{Kind: "source." + kind, Message: message, Positions: []wire.Position{}},
	}}
}
