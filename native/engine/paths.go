package main

import (
	"regexp"
	"strings"

	"cuelang.org/go/cue/literal"
)

var plainPart = regexp.MustCompile(`^[\p{L}\p{N}_$#-]+$`)

// joinPath writes the parts of a CUE path (a, 0, "a.b/c") as Kubernetes does: a[0]["a.b/c"].
func joinPath(parts []string) string {
	var text strings.Builder
	for _, part := range parts {
		switch {
		case isIndex(part):
			text.WriteString("[" + part + "]")
		default:
			name := part
			if strings.HasPrefix(part, `"`) {
				if plain, err := literal.Unquote(part); err == nil {
					name = plain
				}
			}
			appendName(&text, name)
		}
	}
	return text.String()
}

func appendName(text *strings.Builder, name string) {
	if !plainPart.MatchString(name) {
		text.WriteString(`["` + strings.ReplaceAll(name, `"`, `\"`) + `"]`)
		return
	}
	if text.Len() > 0 {
		text.WriteByte('.')
	}
	text.WriteString(name)
}

func isIndex(part string) bool {
	return part != "" && strings.Trim(part, "0123456789") == ""
}
