package main

import (
	"container/list"
	"runtime"
	"sync"
)

// cache keeps compiled templates by the key their sender gave them, the least recently used going first.
type cache struct {
	lock    sync.Mutex
	limit   int
	entries map[string]*list.Element
	order   *list.List // front: most recently used; values are *template
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

// find returns the template of a request, new if the request brings its text.
func (c *cache) find(req *request) (*template, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if element, ok := c.entries[req.Key]; ok {
		c.order.MoveToFront(element)
		return element.Value.(*template), nil
	}
	if req.Text == nil {
		return nil, &failure{Kind: "key", Message: "no template of this key"}
	}
	tmpl := &template{
		text: *req.Text, source: req.Source, packages: req.Packages,
		idle: make(chan *instance, runtime.GOMAXPROCS(0)),
	}
	c.entries[req.Key] = c.order.PushFront(tmpl)
	tmpl.key = req.Key
	for c.order.Len() > c.limit {
		oldest := c.order.Back()
		delete(c.entries, oldest.Value.(*template).key)
		c.order.Remove(oldest)
	}
	return tmpl, nil
}

func (c *cache) drop(key string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if element, ok := c.entries[key]; ok {
		delete(c.entries, key)
		c.order.Remove(element)
	}
}
