"""From the command line to an open page: server, kernel, what to open, and what this machine has."""
