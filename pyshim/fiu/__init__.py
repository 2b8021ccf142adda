"""libfiu's command lines and failure points, as rules: `pyshim fiu`."""
