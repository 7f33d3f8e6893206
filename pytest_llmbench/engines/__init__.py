"""Engines: whoever starts and stops a model server. `external` (it already serves), `embedded` (llama.cpp in a child).

`discovery` finds servers that already run here; `weights` and `package_index` fetch the embedded model,
`child_process` keeps a server process from outliving us.
"""
