package main

import (
	"path"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// retireAfter bounds what an instance gathers: its context keeps a little of every evaluation.
const retireAfter = 2000

// A template is a text with the packages it may import. A CUE context serves one goroutine at a time, so
// every request takes an instance of its own; as many are kept as can run at once.
type template struct {
	key, text, source string
	packages          map[string]map[string]string
	idle              chan *instance
}

// An instance is one compiled value of a template.
type instance struct {
	value cue.Value
	file  *ast.File
	uses  int
}

// size is that of all its texts, in bytes.
func (t *template) size() int {
	size := len(t.text)
	for _, files := range t.packages {
		for _, text := range files {
			size += len(text)
		}
	}
	return size
}

// take returns an idle instance or compiles another.
func (t *template) take() (*instance, error) {
	select {
	case inst := <-t.idle:
		return inst, nil
	default:
		return t.compile()
	}
}

// give returns an instance for the next request.
func (t *template) give(inst *instance) {
	inst.uses++
	if inst.uses >= retireAfter {
		return
	}
	select {
	case t.idle <- inst:
	default:
	}
}

func (t *template) compile() (*instance, error) {
	file, err := parse(t.source, t.text)
	if err != nil {
		return nil, malformed(err, "syntax")
	}
	loading := build.NewContext(build.Loader(nil))
	root := loading.NewInstance("", t.loader(loading))
	if err := root.AddSyntax(file); err != nil {
		return nil, malformed(err, "syntax")
	}
	values, err := cuecontext.New().BuildInstances([]*build.Instance{root})
	if err != nil {
		return nil, malformed(err, "error")
	}
	return &instance{value: values[0], file: file}, nil
}

// loader finds the packages that came with the template; the standard library needs none.
func (t *template) loader(loading *build.Context) build.LoadFunc {
	var load build.LoadFunc
	load = func(_ token.Pos, importPath string) *build.Instance {
		files, ok := t.packages[ast.ParseImportPath(importPath).Path]
		if !ok {
			return nil
		}
		pkg := loading.NewInstance(importPath, load)
		pkg.ImportPath = importPath
		for _, name := range sorted(files) {
			file, err := parse(path.Join(importPath, name), files[name])
			if err == nil {
				err = pkg.AddSyntax(file)
			}
			if err != nil {
				pkg.ReportError(errors.Promote(err, "package "+importPath))
			}
		}
		_ = pkg.Complete() // the error stays in pkg.Err, where the importer looks
		return pkg
	}
	return load
}

// parse reads a text and rewrites what newer versions of the language no longer evaluate.
func parse(source, text string) (*ast.File, error) {
	file, err := parser.ParseFile(source, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	rewriteListArithmetic(file)
	return file, nil
}

func malformed(err error, kind string) *failure {
	problems := problemsOf(err, kind, nil)
	return &failure{Kind: "template", Message: problems[0].Message, Problems: problems}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
