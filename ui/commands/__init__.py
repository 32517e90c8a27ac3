"""Sub-commands of `taxalens`: each file has a click command named `command`."""
