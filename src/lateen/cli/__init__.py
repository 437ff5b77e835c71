"""The command line: parse, call, print. What a command calls is what the controllers call."""
