package main

import (
	"lateen.dev/native/wire"

	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

var (
	// "chart/templates/x.yaml:3:14", as text/template and Helm say where something is.
	place = regexp.MustCompile(`([\w./@+-]+\.\w+):(\d+)(?::(\d+))?`)
	// "yaml: line 5: ..." and "error converting YAML to JSON: yaml: line 5: ..."
	yamlLine = regexp.MustCompile(`yaml: (?:line (\d+): )?(.*)`)
	divider  = regexp.MustCompile(`(?m)^---`)
)

func chartFailure(kind, message string, places ...wire.Position) *wire.Failure {
	if places == nil {
		places = []wire.Position{}
	}
	return &wire.Failure{Kind: "template", Message: message, Problems: []wire.Problem{
		{Kind: "chart." + kind, Message: message, Positions: places},
	}}
}

// templateFailure says what a template could not do, and where: the innermost place first, then who included it.
func templateFailure(name string, err error) *wire.Failure {
	message := err.Error()
	var places []wire.Position
	for _, found := range place.FindAllStringSubmatch(message, -1) {
		if !strings.HasPrefix(found[1], name+"/") {
			continue
		}
		line, _ := strconv.Atoi(found[2])
		column, _ := strconv.Atoi(found[3])
		at := wire.Position{Source: found[1], Line: line, Column: column + 1}
		if !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	slices.Reverse(places)
	said := plainly(message, err)
	if len(places) > 0 {
		said = fmt.Sprintf("%s:%d: %s", places[0].Source, places[0].Line, said)
	}
	return chartFailure("template", said, places...)
}

// plainly is the last of a chain of messages, which is the one that says what is wrong.
func plainly(message string, err error) string {
	if exec := (template.ExecError{}); errors.As(err, &exec) {
		message = exec.Err.Error()
	}
	lines := strings.Split(strings.TrimSpace(message), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if at := strings.LastIndex(last, "): "); at >= 0 && strings.Contains(last, " error at (") {
		last = last[at+3:]
	}
	if len(lines) > 1 {
		if before := strings.TrimSpace(lines[len(lines)-2]); strings.HasPrefix(before, "executing ") {
			if _, called, found := strings.Cut(strings.TrimSuffix(before, ":"), " at "); found {
				last = called + ": " + last
			}
		}
	}
	return last
}

// objectsOf reads the objects of one rendered text. A list stands for what is in it.
func objectsOf(source, text string) ([]chartObject, error) {
	objects := []chartObject{}
	for start, each := range documents(text) {
		body, err := yaml.YAMLToJSON([]byte(each))
		if err != nil {
			return nil, yamlFailure(source, text, start, err)
		}
		found, err := unlisted(body)
		if err != nil {
			line := 1 + strings.Count(text[:start], "\n")
			message := fmt.Sprintf("%s: %v (line %d of what it renders)", source, err, line)
			return nil, chartFailure("object", message, wire.Position{Source: source, Line: 1, Column: 1})
		}
		for _, object := range found {
			objects = append(objects, chartObject{source, object})
		}
	}
	return objects, nil
}

// documents yields the YAML documents of a text with the offsets where they begin.
func documents(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		start := 0
		for _, found := range append(divider.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
			if strings.TrimSpace(text[start:found[0]]) != "" && !yield(start, text[start:found[0]]) {
				return
			}
			start = found[1]
		}
	}
}

func unlisted(body json.RawMessage) ([]json.RawMessage, error) {
	if bytes.Equal(body, []byte("null")) {
		return nil, nil
	}
	var head struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, errors.New("this is no Kubernetes object")
	}
	if head.APIVersion == "" || head.Kind == "" {
		return nil, errors.New("a Kubernetes object needs apiVersion and kind")
	}
	if head.Kind == "List" && head.APIVersion == "v1" {
		return head.Items, nil
	}
	return []json.RawMessage{body}, nil
}

// unreadable finds which rendered text is no YAML, for the sorter does not say on which line.
func unreadable(files map[string]string, err error) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, wrong := objectsOf(name, files[name]); wrong != nil {
			return wrong
		}
	}
	return chartFailure("yaml", err.Error())
}

func yamlFailure(source, text string, start int, err error) error {
	found := yamlLine.FindStringSubmatch(err.Error())
	message := err.Error()
	line := strings.Count(text[:start], "\n")
	if found != nil {
		message = found[2]
		within, _ := strconv.Atoi(found[1])
		line += max(within, 1)
	}
	excerpt := ""
	if lines := strings.Split(text, "\n"); line >= 1 && line <= len(lines) {
		excerpt = ": " + strings.TrimSpace(lines[line-1])
	}
	said := fmt.Sprintf("%s renders no YAML: %s (line %d of what it renders%s)", source, message, line, excerpt)
	return chartFailure("yaml", said, wire.Position{Source: source, Line: 1, Column: 1})
}
