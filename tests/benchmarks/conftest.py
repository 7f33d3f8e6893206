"""Keeps the packs of the benchmarks out of a run of the suite: they ask a model."""

collect_ignore = ["easy_pack"]
