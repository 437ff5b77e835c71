package main

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// A module is what can be read off a Terraform module without running it.
type module struct {
	// Parameter is a struct of the module's variables, in the order of their declaration.
	Parameter *field `json:"parameter"`
	// Outputs are the names of its outputs.
	Outputs []string `json:"outputs"`
	// Sensitive are those variables and outputs that it says are.
	Sensitive []string `json:"sensitive"`
	// Providers are the local names of the providers it names or uses itself, without those of the modules it calls.
	Providers []string `json:"providers"`
	// Calls says that there are modules it calls, whose providers are not known here.
	Calls bool `json:"calls"`
}

// moduleOf reads a module: its files by name are the package "", or Text alone is its main.tf, with Source as its name.
func moduleOf(req *request) (any, error) {
	files := map[string]string{}
	maps.Copy(files, req.Packages[""])
	named := func(file string) string { return path.Base(file) }
	if len(files) == 0 {
		files["main.tf"] = textOf(req)
		named = func(string) string { return req.Source }
	}
	if found := unreadable(files, named); len(found) > 0 {
		return nil, failed(found...)
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree["module/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	loaded, diagnostics := tfconfig.LoadModuleFromFilesystem(tfconfig.WrapFS(tree), "module")
	var problems []problem
	for _, each := range diagnostics {
		if each.Severity == tfconfig.DiagError {
			problems = append(problems, said(each.Summary, each.Detail, placed(each.Pos, named)))
		}
	}
	if len(problems) > 0 {
		return nil, failed(problems...)
	}
	return summary(loaded, named), nil
}

// unreadable is what is wrong with the form of the files, with line and column.
func unreadable(files map[string]string, named func(string) string) (found []problem) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parser := hclparse.NewParser()
		var diagnostics hcl.Diagnostics
		if strings.HasSuffix(name, ".json") {
			_, diagnostics = parser.ParseJSON([]byte(files[name]), name)
		} else {
			_, diagnostics = parser.ParseHCL([]byte(files[name]), name)
		}
		for _, each := range diagnostics {
			if each.Severity != hcl.DiagError {
				continue
			}
			var at *position
			if each.Subject != nil {
				at = &position{Source: named(name), Line: each.Subject.Start.Line, Column: each.Subject.Start.Column}
			}
			found = append(found, said(each.Summary, each.Detail, at))
		}
	}
	return found
}

func said(summary, detail string, at *position) problem {
	message := strings.TrimSuffix(summary, ".")
	if detail != "" {
		message += ": " + strings.TrimSuffix(strings.Join(strings.Fields(detail), " "), ".")
	}
	found := problem{Kind: "hcl", Message: message}
	if at != nil {
		found.Positions = []position{*at}
	}
	return found
}

func placed(at *tfconfig.SourcePos, named func(string) string) *position {
	if at == nil {
		return nil
	}
	return &position{Source: named(at.Filename), Line: at.Line, Column: 1}
}

func summary(loaded *tfconfig.Module, named func(string) string) *module {
	found := &module{
		Parameter: &field{Name: "parameter", Type: "struct", Required: true, Marks: map[string]string{}},
		Outputs:   names(loaded.Outputs),
		Sensitive: []string{},
		Providers: names(loaded.RequiredProviders),
		Calls:     len(loaded.ModuleCalls) > 0,
	}
	for _, each := range inOrder(loaded.Variables) {
		found.Parameter.Fields = append(found.Parameter.Fields, variable(each, placed(&each.Pos, named)))
		if each.Sensitive {
			found.Sensitive = append(found.Sensitive, each.Name)
		}
	}
	for _, name := range found.Outputs {
		if loaded.Outputs[name].Sensitive {
			found.Sensitive = append(found.Sensitive, name)
		}
	}
	return found
}

// names are the keys in order; an empty list for none, not null.
func names[V any](found map[string]V) []string {
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(found))))
}

func inOrder(variables map[string]*tfconfig.Variable) []*tfconfig.Variable {
	return slices.SortedFunc(maps.Values(variables), func(a, b *tfconfig.Variable) int {
		if by := strings.Compare(a.Pos.Filename, b.Pos.Filename); by != 0 {
			return by
		}
		return a.Pos.Line - b.Pos.Line
	})
}

// variable is a variable as a field of the parameters.
func variable(each *tfconfig.Variable, at *position) *field {
	described := &field{Type: "any"}
	if expression, broken := hclsyntax.ParseExpression([]byte(each.Type), "", hcl.InitialPos); !broken.HasErrors() && each.Type != "" {
		if kind, defaults, wrong := typeexpr.TypeConstraintWithDefaults(expression); !wrong.HasErrors() {
			described = typed(kind, defaults)
		}
	}
	described.Name, described.Usage, described.Position = each.Name, each.Description, at
	described.Required, described.Optional = each.Required, false
	described.Marks = map[string]string{}
	if !each.Required {
		described.Default, _ = json.Marshal(each.Default)
		described.nullable(each.Default == nil)
	}
	return described
}

// nullable lets a field be null, as every variable may be whose default is.
func (f *field) nullable(yes bool) {
	if yes && f.Type != "any" {
		f.Type += " | null"
	}
}

// typed is the field of a Terraform type.
func typed(kind cty.Type, defaults *typeexpr.Defaults) *field {
	found := &field{Type: "any", Marks: map[string]string{}, Required: true}
	switch {
	case kind == cty.String:
		// Terraform takes numbers and truth values for texts, and the other way round
		found.Type = "string | number | bool"
	case kind == cty.Number:
		found.Type = "number | string"
	case kind == cty.Bool:
		found.Type = "bool | string"
	case kind.IsListType() || kind.IsSetType():
		found.Type, found.Items = "list", typed(kind.ElementType(), inner(defaults, ""))
	case kind.IsTupleType():
		found.Type = "list"
	case kind.IsMapType():
		found.Type, found.Items = "map", typed(kind.ElementType(), inner(defaults, ""))
	case kind.IsObjectType():
		found.Type, found.Open = "struct", true
		for _, name := range slices.Sorted(maps.Keys(kind.AttributeTypes())) {
			member := typed(kind.AttributeType(name), inner(defaults, name))
			member.Name = name
			if kind.AttributeOptional(name) {
				member.Required, member.Optional = false, true
				member.presume(defaults)
			}
			found.Fields = append(found.Fields, member)
		}
	}
	return found
}

func inner(defaults *typeexpr.Defaults, name string) *typeexpr.Defaults {
	if defaults == nil {
		return nil
	}
	return defaults.Children[name]
}

// presume takes over the default that an object type gives one of its attributes.
func (f *field) presume(defaults *typeexpr.Defaults) {
	if defaults == nil {
		return
	}
	if value, given := defaults.DefaultValues[f.Name]; given && value.IsWhollyKnown() {
		if text, err := ctyjson.Marshal(value, value.Type()); err == nil {
			f.Default = text
		}
	}
}
