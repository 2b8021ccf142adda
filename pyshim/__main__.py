"""`python -m pyshim`."""

from pyshim.cli import main

raise SystemExit(main())
