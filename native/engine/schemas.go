package main

import (
	"encoding/json"

	"cuelang.org/go/cue"
	"cuelang.org/go/encoding/openapi"
)

// schema is the OpenAPI v3 schema of the value at a path, references expanded.
func schema(inst *instance, req *request) (any, error) {
	value, err := declaredAt(inst, req.Path)
	if err != nil {
		return nil, err
	}
	// The generator takes definitions only, and an instance must not change: a document of its own.
	document := value.Context().CompileString("{}").FillPath(cue.MakePath(cue.Def("#Schema")), value)
	generated, err := openapi.Gen(document, &openapi.Config{
		Info:             map[string]string{"title": req.Path, "version": "0"},
		ExpandReferences: true,
		DescriptionFunc:  usageOf,
	})
	if err != nil {
		return nil, malformed(err, "error")
	}
	var found struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(generated, &found); err != nil {
		return nil, err
	}
	return found.Components.Schemas["Schema"], nil
}
