package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	chartvalues "helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartloader "helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	helm "helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// A chartRequest asks for a chart rendered. Path is a directory or an archive on this machine. ValuesFiles are files of
// the chart to take instead of its values.yaml. Lookups answers what templates ask of the cluster; what it does not hold
// comes back as a question.
type chartRequest struct {
	Path        string          `json:"path"`
	Values      json.RawMessage `json:"values"`
	ValuesFiles []string        `json:"valuesFiles"`
	Name        string          `json:"name"`
	Namespace   string          `json:"namespace"`
	Revision    int             `json:"revision"`
	Upgrade     bool            `json:"upgrade"`
	KubeVersion string          `json:"kubeVersion"`
	APIVersions []string        `json:"apiVersions"`
	Lookups     []lookup        `json:"lookups"`
}

// A lookup is a question of a template: one object, or all of a kind where Name is empty. Found is the answer.
type lookup struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Namespace  string         `json:"namespace"`
	Name       string         `json:"name"`
	Found      map[string]any `json:"found,omitempty"`
}

func (l *lookup) key() string {
	return strings.Join([]string{l.APIVersion, l.Kind, l.Namespace, l.Name}, " ")
}

type chartResult struct {
	Chart   *chart.Metadata `json:"chart"`
	CRDs    []chartObject   `json:"crds"`
	Objects []chartObject   `json:"objects"`
	Hooks   []chartHook     `json:"hooks"`
	Notes   string          `json:"notes"`
	Asked   []lookup        `json:"asked"` // with any of these the rest is not there
}

// A chartObject is one object and the template it comes from.
type chartObject struct {
	Source string          `json:"source"`
	Object json.RawMessage `json:"object"`
}

type chartHook struct {
	chartObject
	Events         []string `json:"events"`
	Weight         int      `json:"weight"`
	DeletePolicies []string `json:"deletePolicies"`
}

// renderChart renders a chart and its dependencies: what is always there, in the order of installation, apart from hooks,
// in the order of their weights, and from CustomResourceDefinitions.
func renderChart(asked *chartRequest) (*chartResult, error) {
	loaded, err := loadChart(asked)
	if err != nil {
		return nil, err
	}
	values, err := chartFacts(loaded, asked)
	if err != nil {
		return nil, err
	}
	questions := newQuestions(asked.Lookups)
	engine := helm.Engine{CustomTemplateFuncs: map[string]any{"lookup": questions.answer}}
	files, err := engine.Render(loaded, values)
	if unanswered := questions.unanswered(); len(unanswered) > 0 {
		return &chartResult{Asked: unanswered}, nil // what came of a guess, errors as well, says nothing
	}
	if err != nil {
		return nil, templateFailure(loaded.Name(), err)
	}
	return sortedChart(loaded, files)
}

func loadChart(asked *chartRequest) (*chart.Chart, error) {
	loaded, err := chartloader.Load(asked.Path)
	if err != nil {
		message := strings.ReplaceAll(err.Error(), asked.Path, "the chart")
		return nil, chartFailure("load", message)
	}
	if err := loaded.Validate(); err != nil {
		return nil, chartFailure("load", err.Error())
	}
	if loaded.Metadata.Type == "library" {
		message := fmt.Sprintf("%s is a library chart: it holds what other charts use, and nothing to install", loaded.Name())
		return nil, chartFailure("load", message)
	}
	if absent := absentDependencies(loaded); len(absent) > 0 {
		names := make([]string, len(absent))
		for i, each := range absent {
			names[i] = strings.TrimSpace(each.Name + " " + each.Version)
		}
		message := "the chart lacks what it depends on: " + strings.Join(names, ", ")
		return nil, chartFailure("dependency", message)
	}
	if len(asked.ValuesFiles) > 0 {
		if loaded.Values, err = chartValues(loaded, asked.ValuesFiles); err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

func absentDependencies(loaded *chart.Chart) []*chart.Dependency {
	var absent []*chart.Dependency
	for _, wanted := range loaded.Metadata.Dependencies {
		there := slices.ContainsFunc(loaded.Dependencies(), func(each *chart.Chart) bool {
			return each.Name() == wanted.Name && chartutil.IsCompatibleRange(wanted.Version, each.Metadata.Version)
		})
		if !there {
			absent = append(absent, wanted)
		}
	}
	return absent
}

// chartValues merges values files of the chart, the later winning.
func chartValues(loaded *chart.Chart, names []string) (map[string]any, error) {
	merged := map[string]any{}
	for _, name := range names {
		index := slices.IndexFunc(loaded.Raw, func(f *common.File) bool { return f.Name == path.Clean(name) })
		if index < 0 {
			return nil, chartFailure("values", fmt.Sprintf("the chart has no file %s", name))
		}
		read, err := chartloader.LoadValues(bytes.NewReader(loaded.Raw[index].Data))
		if err != nil {
			return nil, chartFailure("values", fmt.Sprintf("%s: %v", name, err))
		}
		merged = chartloader.MergeMaps(merged, read)
	}
	return merged, nil
}

// chartFacts is everything templates see, after conditions have decided which dependencies take part.
func chartFacts(loaded *chart.Chart, asked *chartRequest) (common.Values, error) {
	given, err := chartloader.LoadValues(bytes.NewReader(asked.Values))
	if err != nil {
		return nil, chartFailure("values", err.Error())
	}
	if err := chartutil.ProcessDependencies(loaded, given); err != nil {
		return nil, chartFailure("dependency", err.Error())
	}
	able := common.DefaultCapabilities.Copy()
	if asked.KubeVersion != "" {
		version, err := common.ParseKubeVersion(asked.KubeVersion)
		if err != nil {
			return nil, fmt.Errorf("version of Kubernetes: %w", err)
		}
		able.KubeVersion = *version
	}
	if len(asked.APIVersions) > 0 {
		able.APIVersions = asked.APIVersions
	}
	wanted := loaded.Metadata.KubeVersion
	if wanted != "" && !chartutil.IsCompatibleRange(wanted, able.KubeVersion.String()) {
		message := fmt.Sprintf("the chart wants Kubernetes %s, and this is %s", wanted, able.KubeVersion.Version)
		return nil, chartFailure("version", message)
	}
	options := common.ReleaseOptions{
		Name: asked.Name, Namespace: asked.Namespace, Revision: max(asked.Revision, 1),
		IsUpgrade: asked.Upgrade, IsInstall: !asked.Upgrade,
	}
	values, err := chartvalues.ToRenderValues(loaded, given, options, able)
	if err != nil {
		return nil, chartFailure("values", strings.TrimSpace(err.Error()))
	}
	return values, nil
}

func sortedChart(loaded *chart.Chart, files map[string]string) (*chartResult, error) {
	result := &chartResult{
		Chart: loaded.Metadata, CRDs: []chartObject{}, Objects: []chartObject{}, Hooks: []chartHook{},
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Base(name) == "NOTES.txt" {
			if name == path.Join(loaded.Name(), "templates", "NOTES.txt") {
				result.Notes = files[name]
			}
			delete(files, name)
		}
	}
	for _, definition := range loaded.CRDObjects() {
		objects, err := objectsOf(definition.Filename, string(definition.File.Data))
		if err != nil {
			return nil, err
		}
		result.CRDs = append(result.CRDs, objects...)
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, unreadable(files, err)
	}
	for _, each := range manifests {
		objects, err := objectsOf(each.Name, each.Content)
		if err != nil {
			return nil, err
		}
		result.Objects = append(result.Objects, objects...)
	}
	for _, hook := range hooks {
		objects, err := objectsOf(hook.Path, hook.Manifest)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			result.Hooks = append(result.Hooks, chartHook{object, named(hook.Events), hook.Weight, policiesOf(hook)})
		}
	}
	slices.SortStableFunc(result.Hooks, func(a, b chartHook) int { return a.Weight - b.Weight })
	return result, nil
}

func named(events []release.HookEvent) []string {
	names := make([]string, len(events))
	for i, each := range events {
		names[i] = each.String()
	}
	return names
}

func policiesOf(hook *release.Hook) []string {
	names := make([]string, len(hook.DeletePolicies))
	for i, each := range hook.DeletePolicies {
		names[i] = string(each)
	}
	return names
}

// questions collects what templates look up and nobody has answered yet.
type questions struct {
	answers map[string]map[string]any
	asked   map[string]lookup
}

func newQuestions(answered []lookup) *questions {
	found := &questions{answers: map[string]map[string]any{}, asked: map[string]lookup{}}
	for _, each := range answered {
		found.answers[each.key()] = each.Found
	}
	return found
}

func (q *questions) answer(apiVersion, kind, namespace, name string) (map[string]any, error) {
	wanted := lookup{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
	found, known := q.answers[wanted.key()]
	if !known {
		q.asked[wanted.key()] = wanted
	}
	if found == nil {
		found = map[string]any{}
	}
	return found, nil
}

func (q *questions) unanswered() []lookup {
	var left []lookup
	for _, key := range slices.Sorted(maps.Keys(q.asked)) {
		left = append(left, q.asked[key])
	}
	return left
}
