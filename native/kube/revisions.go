package main

import (
	"context"

	"github.com/k3s-io/kine/pkg/server"
)

// exact is a store that tells the revision of what it created. kine (0.17) tells instead how far all
// of the store has come when the key had been there before and was deleted: where several write at
// once that is another's revision, and whoever made the object again knows it by a version that it
// does not have.
type exact struct{ server.Backend }

// Create stores a key that is not there, and gives the revision it has by that.
func (b exact) Create(ctx context.Context, key string, value []byte, lease int64) (int64, error) {
	told, err := b.Backend.Create(ctx, key, value, lease)
	if err != nil {
		return told, err
	}
	_, made, err := b.Backend.Get(ctx, key, 0, true)
	if err != nil || made == nil { // it is stored; at worst somebody has to look again
		return told, nil
	}
	return made.CreateRevision, nil
}
