package main

import (
	"lateen.dev/native/wire"

	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	sourceRoot  = "/source"
	overlayRoot = "/overlay"
	// mostSource bounds what is read of a tree of files before anything is built of it.
	mostSource = 64 << 20
)

// A kustomizeRequest asks for a directory of a tree of files built. Root is a directory on this machine, Directory one in
// it: with a kustomization, or with plain YAML files. Overlay is a kustomization laid over the result; it names no
// resources of its own.
type kustomizeRequest struct {
	Root      string          `json:"root"`
	Directory string          `json:"directory"`
	Overlay   json.RawMessage `json:"overlay"`
}

type kustomizeResult struct {
	Objects []json.RawMessage `json:"objects"`
}

// noNetwork keeps kustomize from fetching what a kustomization names: it would run git, and HTTP requests of its own.
func noNetwork() {
	_ = os.Setenv("PATH", "")
	http.DefaultTransport = refusing{}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nothing is fetched while a kustomization is built")
}

// kustomize builds a directory in memory: it sees the tree, and nothing else of the machine.
func kustomize(asked *kustomizeRequest) (*kustomizeResult, error) {
	tree := filesys.MakeFsInMemory()
	if err := copyTree(asked.Root, tree); err != nil {
		return nil, err
	}
	start := path.Join(sourceRoot, path.Clean("/"+asked.Directory))
	if !tree.IsDir(start) {
		return nil, overlayFailure(fmt.Sprintf("there is no directory %s", asked.Directory))
	}
	if err := describePlain(tree, start); err != nil {
		return nil, err
	}
	if err := writeOverlay(tree, start, asked.Overlay); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone // all there is to be read is the tree
	built, err := krusty.MakeKustomizer(options).Run(tree, overlayRoot)
	if err != nil {
		if where, remote := elsewhere(tree); remote != "" {
			message := fmt.Sprintf("%s names %s, and nothing is fetched while a kustomization is built", where, remote)
			return nil, overlayFailure(message)
		}
		return nil, overlayFailure(err.Error())
	}
	result := &kustomizeResult{Objects: []json.RawMessage{}}
	for _, each := range built.Resources() {
		body, err := each.MarshalJSON()
		if err != nil {
			return nil, err
		}
		result.Objects = append(result.Objects, body)
	}
	return result, nil
}

// copyTree reads regular files; links, which may lead anywhere, are left out, and so is what version control keeps.
func copyTree(root string, tree filesys.FileSystem) error {
	var size int64
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("tree of files: %w", err)
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if size += info.Size(); size > mostSource {
			return overlayFailure(fmt.Sprintf("the source is larger than %d MiB", mostSource>>20))
		}
		body, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		return tree.WriteFile(path.Join(sourceRoot, filepath.ToSlash(relative)), body)
	})
}

func hasKustomization(tree filesys.FileSystem, directory string) bool {
	return slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), func(name string) bool {
		return tree.Exists(path.Join(directory, name))
	})
}

// describePlain gives a directory without a kustomization one that names every YAML file in and below it; a directory
// below that has one of its own counts as a whole.
func describePlain(tree filesys.FileSystem, start string) error {
	if hasKustomization(tree, start) {
		return nil
	}
	var resources, whole []string
	err := tree.Walk(start, func(name string, info fs.FileInfo, err error) error {
		if err != nil {
			return err
		}
		inside := slices.ContainsFunc(whole, func(each string) bool { return strings.HasPrefix(name, each+"/") })
		relative := strings.TrimPrefix(name, start+"/")
		switch extension := path.Ext(name); {
		case inside || name == start || strings.HasPrefix(info.Name(), "."):
		case info.IsDir() && hasKustomization(tree, name):
			whole = append(whole, name)
			resources = append(resources, relative)
		case !info.IsDir() && (extension == ".yaml" || extension == ".yml" || extension == ".json"):
			resources = append(resources, relative)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(resources) == 0 {
		return overlayFailure(fmt.Sprintf("%s holds no YAML files", described(start)))
	}
	return writeKustomization(tree, start, map[string]any{"resources": resources})
}

// elsewhere finds a kustomization that names what is not in the tree, and what it names.
func elsewhere(tree filesys.FileSystem) (where, remote string) {
	_ = tree.Walk(sourceRoot, func(name string, info fs.FileInfo, err error) error {
		if err != nil || info.IsDir() || !slices.Contains(konfig.RecognizedKustomizationFileNames(), info.Name()) {
			return nil
		}
		var read struct {
			Resources, Bases, Components []string
		}
		body, err := tree.ReadFile(name)
		if err != nil || yaml.Unmarshal(body, &read) != nil {
			return nil
		}
		for _, each := range slices.Concat(read.Resources, read.Bases, read.Components) {
			if strings.Contains(each, "://") || strings.HasPrefix(each, "git@") || strings.HasPrefix(each, "github.com/") {
				where, remote = described(name), each
			}
		}
		return nil
	})
	return where, remote
}

func writeOverlay(tree filesys.FileSystem, start string, given json.RawMessage) error {
	overlay := map[string]any{}
	if len(given) > 0 {
		if err := json.Unmarshal(given, &overlay); err != nil {
			return fmt.Errorf("overlay: %w", err)
		}
	}
	overlay["resources"] = []string{".." + start}
	return writeKustomization(tree, overlayRoot, overlay)
}

func writeKustomization(tree filesys.FileSystem, directory string, fields map[string]any) error {
	fields["apiVersion"], fields["kind"] = types.KustomizationVersion, types.KustomizationKind
	body, err := yaml.Marshal(fields)
	if err != nil {
		return err
	}
	return tree.WriteFile(path.Join(directory, konfig.DefaultKustomizationFileName()), body)
}

func described(directory string) string {
	return "." + strings.TrimPrefix(directory, sourceRoot)
}

// innermost is what is wrong of "accumulation err='as a file': as a directory", which may hold another of its kind: how
// kustomize came there says nothing to whoever wrote the tree. What is no directory counts as a file.
func innermost(message string) string {
	const begins = "accumulation err='"
	start := strings.LastIndex(message, begins)
	if start < 0 {
		return message
	}
	rest := message[start+len(begins):]
	if file, _, found := strings.Cut(rest, "': must build at directory"); found {
		return file
	}
	if at := strings.LastIndex(rest, "': "); at >= 0 {
		return rest[at+len("': "):]
	}
	return rest
}

// overlayFailure says what is wrong, with the paths that the author of the tree knows.
func overlayFailure(message string) *wire.Failure {
	message = innermost(message)
	for internal, known := range map[string]string{
		sourceRoot + "/": "", "'" + sourceRoot + "'": "the source", overlayRoot: "the overlay", sourceRoot: "the source",
	} {
		message = strings.ReplaceAll(message, internal, known)
	}
	return &wire.Failure{Kind: "template", Message: message, Problems: []wire.Problem{
		{Kind: "kustomize.build", Message: message, Positions: []wire.Position{}},
	}}
}
