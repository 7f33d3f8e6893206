"""What the pump costs and what it wins, measured on this machine, beside what others would do.

``python -m tests.benchmarks`` prints a table; ``--quick`` is for CI, names pick benchmarks. Nothing is
asserted about time or memory; a run that does not do its work (a wrong exit code, a missing request)
ends the benchmark with what it printed.
"""
