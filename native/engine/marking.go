package main

import (
	"regexp"
	"strings"

	"cuelang.org/go/cue"
)

// mark reads, for each path, the marks of every field below it and which of them are soft: left at a default.
//
// A mark is a line `+key=value` of a doc comment. They are read from the evaluated value, so comments inside `if` and
// `for`, and those of fields that arrive by reference, count. A list that may have more items is marked "open", with what it says
// of them.
func mark(value cue.Value, paths []string, result *evaluation) {
	if len(paths) == 0 {
		return
	}
	result.Marks = map[string]map[string]map[string]string{}
	result.Soft = map[string][]string{}
	for _, path := range paths {
		found := &marking{marks: map[string]map[string]string{}, soft: []string{}}
		if field := value.LookupPath(cue.ParsePath(path)); field.Exists() {
			found.walk(field, "")
		}
		result.Marks[path] = found.marks
		result.Soft[path] = found.soft
	}
}

type marking struct {
	marks map[string]map[string]string
	soft  []string
}

func (m *marking) walk(value cue.Value, path string) {
	marks := marksOf(value)
	open := value.IncompleteKind() == cue.ListKind && isOpenList(value) // asked first: a default is closed
	if open {
		if marks == nil {
			marks = map[string]string{}
		}
		marks[openMark] = restOf(value)
	}
	value, soft := value.Default()
	if len(marks) > 0 {
		m.marks[path] = marks
	}
	if soft && !open { // an open list closed is a default too, but nobody's choice
		m.soft = append(m.soft, path)
	}
	switch value.IncompleteKind() {
	case cue.StructKind:
		fields, err := value.Fields()
		if err != nil {
			return // an error of the value, reported as such
		}
		for fields.Next() {
			m.walk(fields.Value(), under(path, fields.Selector().Unquoted()))
		}
	case cue.ListKind:
		items, err := value.List()
		if err != nil {
			return
		}
		for items.Next() {
			m.walk(items.Value(), path+"["+items.Selector().String()+"]")
		}
	}
}

const openMark = "open"

// restOf is what an open list says of the items it does not name, as JSON; empty where that is not a value.
func restOf(value cue.Value) string {
	exported, err := value.LookupPath(cue.MakePath(cue.AnyIndex)).MarshalJSON()
	if err != nil {
		return ""
	}
	return string(exported)
}

func isOpenList(value cue.Value) bool { return value.LookupPath(cue.MakePath(cue.AnyIndex)).Exists() }

// under is the path of a field below a path.
func under(path, name string) string {
	var text strings.Builder
	text.WriteString(path)
	appendName(&text, name)
	return text.String()
}

var markLine = regexp.MustCompile(`^\+\s*([A-Za-z_$][\w.$-]*)\s*(?:=\s*(\S*))?\s*$`)

// marksOf reads the marks in the doc comments of a value. A value with inner spaces makes no mark.
func marksOf(value cue.Value) map[string]string {
	var marks map[string]string
	for _, line := range docLines(value) {
		if !strings.HasPrefix(line, "+") {
			continue
		}
		if parts := markLine.FindStringSubmatch(line); parts != nil {
			if marks == nil {
				marks = map[string]string{}
			}
			marks[parts[1]] = parts[2]
		}
	}
	return marks
}

func docLines(value cue.Value) []string {
	var lines []string
	for _, group := range value.Doc() {
		lines = append(lines, linesOf(group.Text())...)
	}
	return lines
}

// linesOf lists the lines of a comment that say something.
func linesOf(comment string) []string {
	var lines []string
	for _, line := range strings.Split(comment, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
