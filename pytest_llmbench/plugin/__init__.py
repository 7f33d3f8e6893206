"""The only room that imports pytest: hooks, collection, the session and the link to xdist."""
