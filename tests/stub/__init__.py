"""A stub of a model server: it speaks like llama.cpp's llama-server or like vLLM and computes nothing.

By hand ``python -m tests.stub.server --port 0 --slots 8 --service-s 1.0``, in tests
``with running_stub(slots=8, service_s=1.0) as stub: ... stub.url ...``.
"""

from tests.stub.client import Stub, running_stub

__all__ = ["Stub", "running_stub"]
