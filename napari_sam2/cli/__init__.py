"""The command line: thin commands over what Python can call."""
