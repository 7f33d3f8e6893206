"""Programs that reach for the judge's own channel, or bend the interpreter they share with its driver."""

from __future__ import annotations

from tests.sandboxes.attack_record import CLOSE, beside, fails, inside, late, unharmed

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

CHANNEL = (
    fails(
        "4a",
        "frames walked for what is expected",
        inside(
            """
                for frame in frames():
                    for name, value in list(frame.f_locals.items()):
                        if 'expect' in name or 'known' in name or 'answer' in name: return value
                raise LookupError
                """,
            _FRAMES,
        ),
        detail="LookupError",
    ),
    fails(
        "4b",
        "results added by way of the frames",
        inside(
            """
                for frame in frames():
                    results = frame.f_locals.get('results')
                    if results is not None:
                        for _ in range(9): results.add(b'=true')
                return True
                """,
            _FRAMES,
        ),
        detail="gave True, expected False",
    ),
    fails(
        "4c",
        "the driver's functions replaced",
        inside(
            "return 0",
            """
                import sys
                def frames():
                    frame = sys._getframe()
                    while frame:
                        yield frame
                        frame = frame.f_back
                for frame in frames():
                    for name in ('_called', '_raised', 'encode', 'compare', 'digest'):
                        if name in frame.f_globals: frame.f_globals[name] = lambda *a, **k: b'=true'
                """,
        ),
        detail="gave True, expected False|no result",
    ),
    fails(
        "4d",
        "all objects searched for what is expected",
        inside("""
            import gc
            for one in gc.get_objects():
                if isinstance(one, dict) and ('expected' in one or 'reference' in one):
                    return one.get('expected') or one['reference']
            raise LookupError
            """),
        detail="LookupError|opaque|gave",
    ),
    fails(
        "5a",
        "results written to every descriptor, then os._exit",
        inside("tell(b'=true\\n' * 99)\nos._exit(0)", _CHANNELS),
        detail="gave True, expected False",
    ),
    fails(
        "5b",
        "the same at module level, greeting and all",
        beside("""
            import os
            def tell(data):
                for fd in range(3, 64):
                    try:
                        os.write(fd, data)
                    except OSError:
                        pass
            tell(b'+\\n' + b'=true\\n' * 99)
            os._exit(0)
            """),
        detail="gave True, expected False",
    ),
    fails(
        "5c",
        "the same through /proc/self/fd",
        inside("""
            import os
            for fd in os.listdir('/proc/self/fd'):
                try:
                    with open('/proc/self/fd/' + fd, 'wb') as file: file.write(b'=true\\n' * 99)
                except OSError: pass
            os._exit(0)
            """),
        detail="gave True, expected False|exited early",
    ),
    fails(
        "5d",
        "verdict words written to every descriptor",
        inside(
            """
                tell(b'PASS\\npassed\\n{"outcome": "PASS"}\\n')
                os._exit(0)
                """,
            _CHANNELS,
        ),
        detail="no result|exited early",
    ),
    fails(
        "31a",
        "random bytes on every descriptor",
        inside("tell(os.urandom(1 << 16))\nreturn True", _CHANNELS),
        detail="no result|longer than",
    ),
    fails(
        "31b",
        "a line of 64 MiB",
        inside("tell(b'=' + b'1' * (64 << 20))\nreturn True", _CHANNELS),
        detail="longer than|no result",
        busy_s=4.0,
    ),
    fails(
        "31c",
        "results without end",
        inside("while True: tell(b'=false\\n' * 9999)", _CHANNELS),
        detail="gave False, expected True",
        busy_s=4.0,
    ),
    fails(
        "31d",
        "frames of another length",
        inside(
            """
                import struct
                for kind in range(256): tell(struct.pack('>BI', kind, 5) + b'=true')
                return True
                """,
            _CHANNELS,
        ),
        detail="no result|longer than|gave",
    ),
    fails(
        "31e",
        "deeply nested result",
        inside("tell(b'=' + b'[' * 200000 + b']' * 200000 + b'\\n')\nos._exit(0)", _CHANNELS),
    ),
    fails(
        "31f",
        "result that is no JSON",
        inside(
            """
                tell(b'={"t": [\\xff\\n')
                os._exit(0)
                """,
            _CHANNELS,
        ),
    ),
    fails(
        "31g",
        "tagged value of no known kind",
        inside(
            """
                tell(b'={"__import__": ["os"], "o": 1, "c": [[], []]}\\n')
                os._exit(0)
                """,
            _CHANNELS,
        ),
    ),
    fails("31h", "digest that was guessed", inside("tell(b'#' + b'0' * 64 + b'\\n')\nos._exit(0)", _CHANNELS)),
    late("31k", "half a result", inside("tell(b'=fal')\nwhile True: pass", _CHANNELS)),
    fails(
        "31l",
        "one result that is right, then os._exit",
        inside("tell(b'=false\\n')\nos._exit(0)", _CHANNELS),
        detail="exited early",
    ),
    fails(
        "31i",
        "every descriptor closed",
        inside("""
            import os
            os.closerange(0, 1 << 10)
            return right(numbers, threshold)
            """),
        detail="exited early|OSError",
    ),
    unharmed(
        "31j",
        "stdout moved over the channel and back",
        inside("""
            import os
            kept = os.dup(1)
            os.dup2(2, 1)
            print('x')
            os.dup2(kept, 1)
            return right(numbers, threshold)
            """),
    ),
    unharmed("35a", "builtins.len replaced", beside("import builtins\nbuiltins.len = lambda x: 7")),
    fails(
        "35b",
        "builtins.len replaced, wrong answer",
        beside("import builtins\nbuiltins.len = lambda x: 7", "1"),
        detail="gave 1",
    ),
    fails(
        "35c",
        "json replaced",
        beside(
            """
                import json
                json.dumps = lambda *a, **k: 'true'
                json.encoder.JSONEncoder.encode = json.dumps
                json.encoder.encode_basestring_ascii = json.dumps
                json.encoder.c_make_encoder = None
                """,
            "[]",
        ),
        detail=r"gave \[\]|gave True",
    ),
    fails(
        "35d",
        "os.write replaced",
        beside(
            """
                import os
                real = os.write
                os.write = lambda fd, data: real(fd, b'=true\\n') and len(data)
                """,
            "7",
        ),
        detail="gave 7|gave True",
    ),
    unharmed(
        "35e",
        "time stands still",
        beside("""
            import time
            time.perf_counter = time.monotonic = time.time = lambda: 0.0
            """),
    ),
    unharmed("35f", "sys.stdout replaced", beside("import io, sys\nsys.stdout = sys.stderr = io.StringIO()")),
    unharmed("35g", "sys.stdout is None", beside("import sys\nsys.stdout = sys.stderr = sys.stdin = None")),
    unharmed(
        "35l",
        "streams that cannot be flushed",
        beside("""
            import sys
            class Odd:
                def write(self, text): return len(text)
                def flush(self):
                    while True: pass
            sys.stdout = sys.stderr = Odd()
            """),
    ),
    unharmed("35m", "audited", beside("import sys\nsys.addaudithook(lambda *a: None)")),
    fails(
        "35h",
        "type and isinstance replaced",
        beside(
            """
                import builtins
                builtins.isinstance = lambda *a: True
                builtins.type = lambda *a: bool
                """,
            "None",
        ),
    ),
    unharmed(
        "35i",
        "all modules dropped",
        beside("""
            import sys
            for name in list(sys.modules):
                if name not in ('sys', 'builtins'): del sys.modules[name]
            """),
    ),
    unharmed(
        "35j",
        "traced",
        beside("""
            import sys
            sys.settrace(lambda *a: None)
            sys.setprofile(lambda *a: None)
            """),
    ),
    fails(
        "35k",
        "a tracer that changes what is returned",
        beside(
            """
                import sys
                def trace(frame, event, arg):
                    frame.f_locals['value'] = True
                    return trace
                sys.settrace(trace)
                """,
            "None",
        ),
        detail="gave None|gave True",
    ),
    unharmed(
        "26",
        "os dropped and imported again",
        inside("""
            import sys
            del sys.modules['os']
            import os
            os.getcwd()
            return right(numbers, threshold)
            """),
    ),
    unharmed(
        "36a",
        "signal handlers of its own",
        beside("""
            import signal
            for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
                signal.signal(number, lambda *a: None)
            """),
    ),
    unharmed(
        "36b",
        "garbage collection off, recursion limit up",
        beside("import gc, sys\ngc.disable()\nsys.setrecursionlimit(10**6)"),
    ),
    fails("36c", "the function is no function", f"{CLOSE.entry_point} = 5\n", detail="TypeError"),
    fails("36d", "the function is gone", beside("pass") + f"\ndel {CLOSE.entry_point}\n"),
    fails("36e", "return at module level", beside("return 5"), detail="SyntaxError"),
)
