"""The delivery workflow: plan it, run one pass of it, steer it.

`planning.plan` turns an application into steps, `engine.advance` runs one pass over them,
`operations` suspends, resumes, restarts and terminates. What a step may ask of the outside world
is in `ports`.
"""
