"""The subcommands of pyshim, a module each."""
