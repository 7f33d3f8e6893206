"""The command ``llmbench``: one thin file per verb, one line in the table of `main`."""
