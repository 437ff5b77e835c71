package wire

// A Response answers the request of the same id.
type Response struct {
	ID     int64    `json:"id"`
	Result any      `json:"result,omitempty"`
	Error  *Failure `json:"error,omitempty"`
}

// A Failure is a request that could not be answered. Kind is "key" (send the text along), "request" (the
// caller's mistake), "engine" (ours) or "template" (Problems says what is wrong with the text).
type Failure struct {
	Kind     string    `json:"kind"`
	Message  string    `json:"message"`
	Problems []Problem `json:"problems,omitempty"`
}

func (f *Failure) Error() string { return f.Message }

// A Problem is one error a user can mend. Path is in Kubernetes style: spec.containers[0].image.
type Problem struct {
	Kind      string     `json:"kind"`
	Message   string     `json:"message"`
	Path      string     `json:"path"`
	Positions []Position `json:"positions"`
}

// A Position is a place in a text; line and column count from 1. Path names the value there when the text is a fill.
type Position struct {
	Source string `json:"source"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path,omitempty"`
}
