package main

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// problemsOf turns an error of the evaluator into problems, one for each thing to mend. A failed disjunction is
// one thing, however many alternatives failed.
func problemsOf(err error, otherwise string, files fills) []problem {
	var problems []problem
	for _, group := range grouped(errors.Errors(err)) {
		if format, _ := group[0].Msg(); format == "import %q not found" {
			continue // said of each use, after it was said of the import
		}
		problems = append(problems, describeError(group, otherwise, files))
	}
	return problems
}

// fills lead from the positions in JSON back to the fill they came with.
type fills map[*token.File]*fill

// grouped puts the errors of the alternatives behind the error that announces them.
func grouped(all []errors.Error) [][]errors.Error {
	var groups [][]errors.Error
	for at := 0; at < len(all); {
		size := 1
		if format, args := all[at].Msg(); format == "%d errors in empty disjunction:" {
			if count, ok := args[0].(int); ok {
				size += min(count, len(all)-at-1)
			}
		}
		groups = append(groups, all[at:at+size])
		at += size
	}
	return groups
}

// withoutEchoes drops what only repeats the problem of a field where the field is used.
func withoutEchoes(problems []problem) []problem {
	const echo = "invalid interpolation: "
	own := map[string]bool{}
	for _, found := range problems {
		if !strings.HasPrefix(found.Message, echo) {
			own[found.Path] = true
		}
	}
	return slices.DeleteFunc(problems, func(found problem) bool {
		return strings.HasPrefix(found.Message, echo) && own[found.Path]
	})
}

func describeError(group []errors.Error, otherwise string, files fills) problem {
	first := group[0]
	found := problem{
		Kind:    kindOf(first, otherwise),
		Message: messageOf(first),
		Path:    joinPath(first.Path()),
	}
	if len(group) > 1 {
		alternatives := narrowed(group[1:])
		found.Kind = "conflict"
		found.Message = messageOfAlternatives(alternatives)
		if len(alternatives) < len(group)-1 {
			group = alternatives
			found.Path = joinPath(group[0].Path())
		}
	}
	for _, err := range group {
		found.Positions = append(found.Positions, positionsOf(err, files)...)
	}
	found.Positions = ordered(found.Positions, files)
	return found
}

// kinds tells what an error is by how its message begins. The evaluator has no codes to tell it by.
var kinds = []struct{ format, kind string }{
	{"conflicting values", "conflict"},
	{"invalid value", "conflict"},
	{"incompatible list lengths", "conflict"},
	{"field not allowed", "closed"},
	{"undefined field", "reference"},
	{"reference %q not found", "reference"},
	{"index out of range", "reference"},
	{"cycle", "error"}, // counts as incomplete, but nothing that could be given mends it
	{"imported and not used", "error"},
	{"import failed", "error"},
	{unknownImport, "reference"},
	{unknownBuiltin, "reference"},
}

// What the evaluator says of a package nobody gave: one thing when its path has a dot, another when it has none.
const (
	unknownImport  = "package %q imported but not defined in %s"
	unknownBuiltin = "builtin package %q undefined"
)

func kindOf(err errors.Error, otherwise string) string {
	format, _ := err.Msg()
	for _, known := range kinds {
		if strings.HasPrefix(format, known.format) {
			return known.kind
		}
	}
	if cue.IsIncomplete(err) {
		return "incomplete"
	}
	return otherwise
}

// messageOf is the message without path and position, with that of the error it wraps.
func messageOf(err errors.Error) string {
	format, args := err.Msg()
	if format == unknownImport || format == unknownBuiltin {
		return fmt.Sprintf("unknown package %q", args[0])
	}
	message := fmt.Sprintf(format, args...)
	if whole := err.Error(); message != "" {
		if at := strings.Index(whole, message); at >= 0 {
			message = whole[at:]
		}
	}
	return strings.TrimSpace(message)
}

// narrowed leaves out the alternatives that are not meant: a fixed value that is another one, where some alternative
// failed for a reason of its own. Of `1 | >=2`, given 0, that is the bound; of {type: "a", n: int} | {type: "b"}, given
// an a, what is wrong with n.
func narrowed(failed []errors.Error) []errors.Error {
	meant := slices.DeleteFunc(slices.Clone(failed), func(err errors.Error) bool {
		format, args := err.Msg()
		return format == "conflicting values %s and %s" && len(args) == 2
	})
	if len(meant) == 0 {
		return failed
	}
	return meant
}

// messageOfAlternatives says what did not match: `"c" is none of "a", "b"` where every alternative failed
// against the same value, else what each said.
func messageOfAlternatives(failed []errors.Error) string {
	if len(failed) == 1 {
		return messageOf(failed[0])
	}
	var pairs [][2]string
	var messages []string
	for _, err := range failed {
		if message := messageOf(err); !slices.Contains(messages, message) {
			messages = append(messages, message)
		}
		format, args := err.Msg()
		if strings.HasPrefix(format, "conflicting values") {
			pairs = append(pairs, [2]string{fmt.Sprint(args[0]), fmt.Sprint(args[1])})
		}
	}
	if len(pairs) == len(failed) {
		for _, given := range pairs[0] {
			if others := against(pairs, given); others != nil {
				return given + " is none of " + strings.Join(others, ", ")
			}
		}
	}
	return "matches none of the alternatives: " + strings.Join(messages, "; ")
}

// against lists what a value met in each pair, nil unless it is part of every one.
func against(pairs [][2]string, given string) []string {
	var others []string
	for _, pair := range pairs {
		other := pair[0]
		if other == given {
			other = pair[1]
		} else if pair[1] != given {
			return nil
		}
		if !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	return others
}

func positionsOf(err errors.Error, files fills) []position {
	var found []position
	for _, pos := range errors.Positions(err) {
		found = append(found, positionOf(pos, files))
	}
	return found
}

func positionOf(pos token.Pos, files fills) position {
	place := pos.Position()
	found := position{Source: place.Filename, Line: place.Line, Column: place.Column}
	if fill, ok := files[pos.File()]; ok {
		found.Path = pathAt(fill.Value, place.Offset)
	}
	return found
}

// ordered puts the positions in fills first, as those are what a user can mend, and drops doubles.
func ordered(positions []position, files fills) []position {
	given := map[string]bool{}
	for _, fill := range files {
		given[fill.Source] = true
	}
	slices.SortStableFunc(positions, func(a, b position) int {
		switch {
		case given[a.Source] == given[b.Source]:
			return 0
		case given[a.Source]:
			return -1
		}
		return 1
	})
	var unique []position
	for _, pos := range positions {
		if !slices.Contains(unique, pos) {
			unique = append(unique, pos)
		}
	}
	return unique
}
