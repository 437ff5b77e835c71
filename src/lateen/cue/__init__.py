"""CUE: the official evaluator as a child process, and what can be asked of it.

`engine.Engine` owns the process, `templates.Template` is a compiled text, `templates.Evaluation`
what an evaluation gave. No word of OAM here.
"""
