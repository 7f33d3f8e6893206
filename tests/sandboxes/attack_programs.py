"""Programs that would be judged by anything but the values they return.

``right`` in a program is the right function. ``PORT``, ``FILE`` and ``SECRET`` stand for a port of the host that
listens, a file of the host that is not there, and the name of an environment variable of the judge's.
"""

from __future__ import annotations

from tests.sandboxes.attack_record import CLOSE, ORDERED, SPREAD, Attack, beside, inside, late, unharmed
from tests.sandboxes.attack_resources import RESOURCES

_ALWAYS_EQUAL = """
class Equal:
    __hash__ = object.__hash__
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
"""
_CHANNELS = """
import os
def tell(data):
    for fd in range(3, 64):
        try:
            os.write(fd, data)
        except OSError:
            pass
"""
_FRAMES = """
import sys
def frames():
    frame = sys._getframe()
    while frame:
        yield frame
        frame = frame.f_back
"""

ENDINGS = (
    Attack(number="1a", name="sys.exit(0) in the function", program=inside("import sys; sys.exit(0)"), detail="exited early"),
    Attack(number="1b", name="sys.exit(0) at module level", program=beside("import sys\nsys.exit(0)"), detail="exited early"),
    Attack(number="1c", name="SystemExit with a text", program=beside("raise SystemExit('passed')"), detail="exited early"),
    Attack(number="1d", name="KeyboardInterrupt raised", program=inside("raise KeyboardInterrupt"), detail="exited early"),
    Attack(number="1e", name="exit in a thread of its own, then nothing", program=inside("import threading, os\nthreading.Thread(target=os._exit, args=(0,)).start()\nwhile True: pass"), detail="exited early"),
    Attack(number="2a", name="os._exit(0) in the function", program=inside("import os; os._exit(0)"), detail="exited early"),
    Attack(number="2b", name="os._exit(0) at module level", program=beside("import os\nos._exit(0)"), detail="exited early"),
    Attack(number="2c", name="atexit, os._exit(0), wrong answer", program=beside("import atexit, os\natexit.register(os._exit, 0)", "None"), detail="gave None, expected False"),
    Attack(number="2d", name="atexit, os._exit(0), sys.exit", program=inside("import sys; sys.exit(1)", "import atexit, os\natexit.register(os._exit, 0)"), detail="exited early"),
    Attack(number="2e", name="sys.excepthook replaced, then raise", program=inside("raise ValueError('x')", "import os, sys\nsys.excepthook = lambda *a: os._exit(0)"), detail="ValueError: x"),
    Attack(number="2f", name="execv of /bin/true", program=inside("import os; os.execv('/bin/true', ['true'])"), detail="exited early|PermissionError|FileNotFoundError"),
    Attack(number="2g", name="os.abort", program=inside("import os; os.abort()"), detail="killed by signal 6"),
)

VALUES = (
    Attack(number="3a", name="object equal to everything", program=beside(_ALWAYS_EQUAL, "Equal()"), detail="opaque"),
    Attack(number="3b", name="the same with __class__ bool", program=beside(_ALWAYS_EQUAL + "    __class__ = bool\n", "Equal()"), detail="opaque"),
    Attack(number="3c", name="type that hashes and compares as bool", program=beside("class Meta(type):\n    def __hash__(self): return hash(bool)\n    def __eq__(self, other): return True\nclass Odd(metaclass=Meta): pass", "Odd()"), detail="opaque|cannot be judged|Error"),
    Attack(number="3d", name="exception equal to everything, raised", program=inside("raise Equal()", _ALWAYS_EQUAL.replace("class Equal:", "class Equal(BaseException):")), detail="Equal"),
    Attack(number="3e", name="class itself returned", program=inside("return bool"), detail="opaque"),
    Attack(number="3f", name="NotImplemented returned", program=inside("return NotImplemented"), detail="opaque"),
    Attack(number="6a", name="comparisons patched, wrong float", program=beside("import builtins, math\nmath.isclose = lambda *a, **k: True\nbuiltins.abs = lambda x: 0.0\ntry:\n    import numpy\n    numpy.allclose = math.isclose\nexcept ImportError:\n    pass", "1.5", task=SPREAD), detail="gave 1.5", task=SPREAD),
    Attack(number="6b", name="not a number", program=inside("return float('nan')", task=SPREAD), detail="gave nan", task=SPREAD),
    Attack(number="6c", name="infinite", program=inside("return float('inf')", task=SPREAD), detail="gave inf", task=SPREAD),
    unharmed("32a", "argument emptied before the answer is given", inside("found = right(numbers, threshold)\nnumbers.clear()\nreturn found")),
    unharmed("32b", "argument returned, in order", inside("numbers.sort()\nreturn numbers", task=ORDERED), task=ORDERED),
    unharmed("32c", "answer changed by a thread after it was given", inside("out = sorted(numbers)\nthreading.Timer(0.01, out.clear).start()\nreturn out", "import threading", task=ORDERED), task=ORDERED),
    Attack(number="32d", name="answer kept and mended later", program=inside("for old, true in kept: old[:] = true\nout = list(numbers)\nkept.append((out, sorted(numbers)))\nreturn out", "kept = []", task=ORDERED), detail=r"gave \[3, 1, 2\]", task=ORDERED),
    Attack(number="33a", name="10^7 elements", program=inside("return [0] * 10**7"), detail="large value|cannot be judged", busy_s=6.0),
    Attack(number="33b", name="10^5 deep", program=inside("out = []\nfor _ in range(10**5): out = [out]\nreturn out"), detail="cannot be judged|large value"),
    Attack(number="33c", name="list that holds itself", program=inside("out = []\nout.append(out)\nreturn out"), detail="cannot be judged"),
    Attack(number="33d", name="dict that holds itself", program=inside("out = {}\nout[1] = out\nreturn out"), detail="cannot be judged"),
    Attack(number="33e", name="endless generator", program=inside("import itertools\nreturn itertools.count()"), detail="cannot be judged|large value|opaque"),
    Attack(number="33f", name="range of 10^15", program=inside("return range(10**15)"), detail="cannot be judged|large value|opaque"),
    Attack(number="33g", name="text of 10^8 characters", program=inside("return 'x' * 10**8"), detail="large value|cannot be judged", busy_s=4.0),
    Attack(number="33h", name="integer of 10^7 bits", program=inside("return 1 << 10**7"), detail="large value|cannot be judged|gave"),
    late("33i", "generator that never yields", inside("def endless():\n    while True: pass\n    yield\nreturn endless()")),
    Attack(number="33j", name="generator that raises", program=inside("return (1 / 0 for _ in '1')"), detail="ZeroDivisionError"),
    Attack(number="33k", name="list shared 2^60 times", program=inside("out = []\nfor _ in range(60): out = [out, out]\nreturn out"), detail="cannot be judged|large value", busy_s=4.0),
    Attack(number="33l", name="lone surrogates", program=inside("return '\\ud800'"), detail="gave"),
    unharmed("34a", "int whose methods raise", beside("def no(self, *a): raise ValueError\nclass Odd(int):\n    __eq__ = __repr__ = __str__ = __index__ = __bool__ = __int__ = no\n    __hash__ = None", "Odd(right(numbers, threshold))")),
    Attack(number="34b", name="int equal to everything", program=beside("class Odd(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__", "Odd(5)"), detail="gave 5"),
    unharmed("34c", "list whose __iter__ has no end", beside("import itertools\nclass Odd(list):\n    def __iter__(self): return itertools.count()\n    def __len__(self): return 0", "Odd(right(numbers))", task=ORDERED), task=ORDERED),
    Attack(number="34d", name="list that shows the right items only to __iter__", program=inside("class Odd(list):\n    def __iter__(self): return iter(sorted(numbers))\nreturn Odd(numbers)", task=ORDERED), detail=r"gave \[3, 1, 2\]", task=ORDERED),
    Attack(number="34e", name="object whose attributes raise", program=beside("class Odd:\n    def __getattribute__(self, name): raise SystemExit(0)", "Odd()"), detail="opaque|exited early"),
    late("34f", "object whose attributes never come", beside("class Odd(Exception):\n    def __str__(self):\n        while True: pass", "exec('raise Odd()')")),
    Attack(number="34g", name="str equal to everything", program=beside("class Odd(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__", "Odd('x')"), detail="gave 'x'"),
    Attack(number="34h", name="float that hashes as True", program=beside("class Odd(float):\n    def __eq__(self, other): return True\n    def __hash__(self): return 1", "Odd(0.5)"), detail="gave 0.5"),
    Attack(number="34i", name="exception whose text has 10^8 characters", program=inside("raise ValueError('x' * 10**8)"), detail="ValueError"),
    Attack(number="34j", name="exception without a traceable name", program=inside("raise type('\\x00\\ud800' * 1000, (Exception,), {})('\\ud800')"), detail=""),
)

CHANNEL = (
    Attack(number="4a", name="frames walked for what is expected", program=inside("for frame in frames():\n    for name, value in list(frame.f_locals.items()):\n        if 'expect' in name or 'known' in name or 'answer' in name: return value\nraise LookupError", _FRAMES), detail="LookupError"),
    Attack(number="4b", name="results added by way of the frames", program=inside("for frame in frames():\n    results = frame.f_locals.get('results')\n    if results is not None:\n        for _ in range(9): results.add(b'=true')\nreturn True", _FRAMES), detail="gave True, expected False"),
    Attack(number="4c", name="the driver's functions replaced", program=inside("return 0", _FRAMES + "for frame in frames():\n    for name in ('_called', '_raised', 'encode', 'compare', 'digest'):\n        if name in frame.f_globals: frame.f_globals[name] = lambda *a, **k: b'=true'\n"), detail="gave True, expected False|no result"),
    Attack(number="4d", name="all objects searched for what is expected", program=inside("import gc\nfor one in gc.get_objects():\n    if isinstance(one, dict) and ('expected' in one or 'reference' in one):\n        return one.get('expected') or one['reference']\nraise LookupError"), detail="LookupError|opaque|gave"),
    Attack(number="5a", name="results written to every descriptor, then os._exit", program=inside("tell(b'=true\\n' * 99)\nos._exit(0)", _CHANNELS), detail="gave True, expected False"),
    Attack(number="5b", name="the same at module level, greeting and all", program=beside(_CHANNELS + "tell(b'+\\n' + b'=true\\n' * 99)\nos._exit(0)"), detail="gave True, expected False"),
    Attack(number="5c", name="the same through /proc/self/fd", program=inside("import os\nfor fd in os.listdir('/proc/self/fd'):\n    try:\n        with open('/proc/self/fd/' + fd, 'wb') as file: file.write(b'=true\\n' * 99)\n    except OSError: pass\nos._exit(0)"), detail="gave True, expected False|exited early"),
    Attack(number="5d", name="verdict words written to every descriptor", program=inside("tell(b'PASS\\npassed\\n{\"outcome\": \"PASS\"}\\n')\nos._exit(0)", _CHANNELS), detail="no result|exited early"),
    Attack(number="31a", name="random bytes on every descriptor", program=inside("tell(os.urandom(1 << 16))\nreturn True", _CHANNELS), detail="no result|longer than"),
    Attack(number="31b", name="a line of 64 MiB", program=inside("tell(b'=' + b'1' * (64 << 20))\nreturn True", _CHANNELS), detail="longer than|no result", busy_s=4.0),
    Attack(number="31c", name="results without end", program=inside("while True: tell(b'=false\\n' * 9999)", _CHANNELS), detail="gave False, expected True", busy_s=4.0),
    Attack(number="31d", name="frames of another length", program=inside("import struct\nfor kind in range(256): tell(struct.pack('>BI', kind, 5) + b'=true')\nreturn True", _CHANNELS), detail="no result|longer than|gave"),
    Attack(number="31e", name="deeply nested result", program=inside("tell(b'=' + b'[' * 200000 + b']' * 200000 + b'\\n')\nos._exit(0)", _CHANNELS), detail=""),
    Attack(number="31f", name="result that is no JSON", program=inside("tell(b'={\"t\": [\\xff\\n')\nos._exit(0)", _CHANNELS), detail=""),
    Attack(number="31g", name="tagged value of no known kind", program=inside("tell(b'={\"__import__\": [\"os\"], \"o\": 1, \"c\": [[], []]}\\n')\nos._exit(0)", _CHANNELS), detail=""),
    Attack(number="31h", name="digest that was guessed", program=inside("tell(b'#' + b'0' * 64 + b'\\n')\nos._exit(0)", _CHANNELS), detail=""),
    Attack(number="31i", name="every descriptor closed", program=inside("import os\nos.closerange(0, 1 << 10)\nreturn right(numbers, threshold)"), detail="exited early|OSError"),
    unharmed("31j", "stdout moved over the channel and back", inside("import os\nkept = os.dup(1)\nos.dup2(2, 1)\nprint('x')\nos.dup2(kept, 1)\nreturn right(numbers, threshold)")),
    unharmed("35a", "builtins.len replaced", beside("import builtins\nbuiltins.len = lambda x: 7")),
    Attack(number="35b", name="builtins.len replaced, wrong answer", program=beside("import builtins\nbuiltins.len = lambda x: 7", "1"), detail="gave 1"),
    Attack(number="35c", name="json replaced", program=beside("import json\njson.dumps = lambda *a, **k: 'true'\njson.encoder.JSONEncoder.encode = json.dumps\njson.encoder.encode_basestring_ascii = json.dumps\njson.encoder.c_make_encoder = None", "[]"), detail=r"gave \[\]|gave True"),
    Attack(number="35d", name="os.write replaced", program=beside("import os\nreal = os.write\nos.write = lambda fd, data: real(fd, b'=true\\n') and len(data)", "7"), detail="gave 7|gave True"),
    unharmed("35e", "time stands still", beside("import time\ntime.perf_counter = time.monotonic = time.time = lambda: 0.0")),
    unharmed("35f", "sys.stdout replaced", beside("import io, sys\nsys.stdout = sys.stderr = io.StringIO()")),
    unharmed("35g", "sys.stdout is None", beside("import sys\nsys.stdout = sys.stderr = sys.stdin = None")),
    Attack(number="35h", name="type and isinstance replaced", program=beside("import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.type = lambda *a: bool", "None"), detail=""),
    unharmed("35i", "all modules dropped", beside("import sys\nfor name in list(sys.modules):\n    if name not in ('sys', 'builtins'): del sys.modules[name]")),
    unharmed("35j", "traced", beside("import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)")),
    Attack(number="35k", name="a tracer that changes what is returned", program=beside("import sys\ndef trace(frame, event, arg):\n    frame.f_locals['value'] = True\n    return trace\nsys.settrace(trace)", "None"), detail="gave None|gave True"),
    unharmed("26", "os dropped and imported again", inside("import sys\ndel sys.modules['os']\nimport os\nos.getcwd()\nreturn right(numbers, threshold)")),
    unharmed("36a", "signal handlers of its own", beside("import signal\nfor number in (signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):\n    signal.signal(number, lambda *a: None)")),
    unharmed("36b", "garbage collection off, recursion limit up", beside("import gc, sys\ngc.disable()\nsys.setrecursionlimit(10**6)")),
    Attack(number="36c", name="the function is no function", program=f"{CLOSE.entry_point} = 5\n", detail="TypeError"),
    Attack(number="36d", name="the function is gone", program=beside("pass") + f"\ndel {CLOSE.entry_point}\n", detail=CLOSE.entry_point),
    Attack(number="36e", name="return at module level", program=beside("return 5"), detail="SyntaxError"),
)  # fmt: skip

PLAIN = (
    unharmed("0a", "right", CLOSE.reference),
    Attack(number="0b", name="wrong", program=inside("return not right(numbers, threshold)"), detail="gave True, expected False"),
    Attack(number="0c", name="a stub", program=inside("return None"), detail="gave None, expected False"),
)

ATTACKS = (*PLAIN, *ENDINGS, *VALUES, *CHANNEL, *RESOURCES)
