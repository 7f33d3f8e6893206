"""Programs that would be judged by anything but the values they return: all of them are in `ATTACKS`.

``right`` in a program is the right function. ``@PORT@``, ``@FILE@``, ``@DATA@``, ``@SECRET@`` and ``@MARK@`` stand for
what `Arena` puts there.
"""

from __future__ import annotations

from tests.sandboxes.attack_channel import CHANNEL
from tests.sandboxes.attack_host import FILES, HOST
from tests.sandboxes.attack_record import CLOSE, ORDERED, SPREAD, beside, fails, inside, late, unharmed
from tests.sandboxes.attack_resources import RESOURCES

_ALWAYS_EQUAL = """
class Equal:
    __hash__ = object.__hash__
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
"""

PLAIN = (
    unharmed("0a", "right", CLOSE.reference),
    fails("0b", "wrong", inside("return not right(numbers, threshold)"), detail="gave True, expected False"),
    fails("0c", "a stub", inside("return None"), detail="gave None, expected False"),
)

ENDINGS = (
    fails("1a", "sys.exit(0) in the function", inside("import sys; sys.exit(0)"), detail="exited early"),
    fails("1b", "sys.exit(0) at module level", beside("import sys\nsys.exit(0)"), detail="exited early"),
    fails("1c", "SystemExit with a text", beside("raise SystemExit('passed')"), detail="exited early"),
    fails("1d", "KeyboardInterrupt raised", inside("raise KeyboardInterrupt"), detail="exited early"),
    fails(
        "1e",
        "exit in a thread of its own, then nothing",
        inside("""
            import threading, os
            threading.Thread(target=os._exit, args=(0,)).start()
            while True: pass
            """),
        detail="exited early",
    ),
    fails("2a", "os._exit(0) in the function", inside("import os; os._exit(0)"), detail="exited early"),
    fails("2b", "os._exit(0) at module level", beside("import os\nos._exit(0)"), detail="exited early"),
    fails(
        "2c",
        "atexit, os._exit(0), wrong answer",
        beside("import atexit, os\natexit.register(os._exit, 0)", "None"),
        detail="gave None, expected False",
    ),
    fails(
        "2d",
        "atexit, os._exit(0), sys.exit",
        inside("import sys; sys.exit(1)", "import atexit, os\natexit.register(os._exit, 0)"),
        detail="exited early",
    ),
    fails(
        "2e",
        "sys.excepthook replaced, then raise",
        inside("raise ValueError('x')", "import os, sys\nsys.excepthook = lambda *a: os._exit(0)"),
        detail="ValueError: x",
    ),
    fails(
        "2f",
        "execv of /bin/true",
        inside("import os; os.execv('/bin/true', ['true'])"),
        detail="exited early|PermissionError|FileNotFoundError",
    ),
    fails("2g", "os.abort", inside("import os; os.abort()"), detail="killed by signal 6"),
)

VALUES = (
    fails("3a", "object equal to everything", beside(_ALWAYS_EQUAL, "Equal()"), detail="opaque"),
    fails(
        "3b",
        "the same with __class__ bool",
        beside(
            """
                class Equal:
                    __hash__ = object.__hash__
                    def __eq__(self, other): return True
                    def __ne__(self, other): return False
                    def __bool__(self): return True
                    __class__ = bool
                """,
            "Equal()",
        ),
        detail="opaque",
    ),
    fails(
        "3c",
        "type that hashes and compares as bool",
        beside(
            """
                class Meta(type):
                    def __hash__(self): return hash(bool)
                    def __eq__(self, other): return True
                class Odd(metaclass=Meta): pass
                """,
            "Odd()",
        ),
        detail="opaque|cannot be judged|Error",
    ),
    fails(
        "3d",
        "exception equal to everything, raised",
        inside(
            "raise Equal()",
            """
                class Equal(BaseException):
                    __hash__ = object.__hash__
                    def __eq__(self, other): return True
                    def __ne__(self, other): return False
                    def __bool__(self): return True
                """,
        ),
        detail="Equal",
    ),
    fails("3e", "class itself returned", inside("return bool"), detail="opaque"),
    fails("3f", "NotImplemented returned", inside("return NotImplemented"), detail="opaque"),
    fails(
        "6a",
        "comparisons patched, wrong float",
        beside(
            """
                import builtins, math
                math.isclose = lambda *a, **k: True
                builtins.abs = lambda x: 0.0
                try:
                    import numpy
                    numpy.allclose = math.isclose
                except ImportError:
                    pass
                """,
            "1.5",
            task=SPREAD,
        ),
        detail="gave 1.5",
        task=SPREAD,
    ),
    fails("6b", "not a number", inside("return float('nan')", task=SPREAD), detail="gave nan", task=SPREAD),
    fails("6c", "infinite", inside("return float('inf')", task=SPREAD), detail="gave inf", task=SPREAD),
    unharmed(
        "32a",
        "argument emptied before the answer is given",
        inside("found = right(numbers, threshold)\nnumbers.clear()\nreturn found"),
    ),
    unharmed(
        "32b", "argument returned, in order", inside("numbers.sort()\nreturn numbers", task=ORDERED), task=ORDERED
    ),
    unharmed(
        "32c",
        "answer changed by a thread after it was given",
        inside(
            """
                out = sorted(numbers)
                threading.Timer(0.01, out.clear).start()
                return out
                """,
            "import threading",
            task=ORDERED,
        ),
        task=ORDERED,
    ),
    fails(
        "32d",
        "answer kept and mended later",
        inside(
            """
                for old, true in kept: old[:] = true
                out = list(numbers)
                kept.append((out, sorted(numbers)))
                return out
                """,
            "kept = []",
            task=ORDERED,
        ),
        detail=r"gave \[3, 1, 2\]",
        task=ORDERED,
    ),
    fails("33a", "10^7 elements", inside("return [0] * 10**7"), detail="large value|cannot be judged", busy_s=6.0),
    fails(
        "33b",
        "10^5 deep",
        inside("out = []\nfor _ in range(10**5): out = [out]\nreturn out"),
        detail="cannot be judged|large value",
    ),
    fails("33c", "list that holds itself", inside("out = []\nout.append(out)\nreturn out"), detail="cannot be judged"),
    fails("33d", "dict that holds itself", inside("out = {}\nout[1] = out\nreturn out"), detail="cannot be judged"),
    fails(
        "33e",
        "endless generator",
        inside("import itertools\nreturn itertools.count()"),
        detail="cannot be judged|large value|opaque",
    ),
    fails("33f", "range of 10^15", inside("return range(10**15)"), detail="cannot be judged|large value|opaque"),
    fails(
        "33g",
        "text of 10^8 characters",
        inside("return 'x' * 10**8"),
        detail="large value|cannot be judged",
        busy_s=4.0,
    ),
    fails("33h", "integer of 10^7 bits", inside("return 1 << 10**7"), detail="large value|cannot be judged|gave"),
    late(
        "33i",
        "generator that never yields",
        inside("""
            def endless():
                while True: pass
                yield
            return endless()
            """),
    ),
    fails("33j", "generator that raises", inside("return (1 / 0 for _ in '1')"), detail="ZeroDivisionError"),
    late("33k", "list shared 2^60 times", inside("out = []\nfor _ in range(60): out = [out, out]\nreturn out")),
    fails("33l", "lone surrogates", inside("return '\\ud800'"), detail="gave"),
    unharmed(
        "34a",
        "int whose methods raise",
        beside(
            """
                def no(self, *a): raise ValueError
                class Odd(int):
                    __eq__ = __repr__ = __str__ = __index__ = __bool__ = __int__ = no
                    __hash__ = None
                """,
            "Odd(right(numbers, threshold))",
        ),
    ),
    fails(
        "34b",
        "int equal to everything",
        beside(
            """
                class Odd(int):
                    def __eq__(self, other): return True
                    __hash__ = int.__hash__
                """,
            "Odd(5)",
        ),
        detail="gave 5",
    ),
    unharmed(
        "34c",
        "list whose __iter__ has no end",
        beside(
            """
                import itertools
                class Odd(list):
                    def __iter__(self): return itertools.count()
                    def __len__(self): return 0
                """,
            "Odd(right(numbers))",
            task=ORDERED,
        ),
        task=ORDERED,
    ),
    fails(
        "34d",
        "list that shows the right items only to __iter__",
        inside(
            """
                class Odd(list):
                    def __iter__(self): return iter(sorted(numbers))
                return Odd(numbers)
                """,
            task=ORDERED,
        ),
        detail=r"gave \[3, 1, 2\]",
        task=ORDERED,
    ),
    fails(
        "34e",
        "object whose attributes raise",
        beside(
            """
                class Odd:
                    def __getattribute__(self, name): raise SystemExit(0)
                """,
            "Odd()",
        ),
        detail="opaque|exited early",
    ),
    late(
        "34f",
        "object whose attributes never come",
        beside(
            """
                class Odd(Exception):
                    def __str__(self):
                        while True: pass
                """,
            "exec('raise Odd()')",
        ),
    ),
    fails(
        "34g",
        "str equal to everything",
        beside(
            """
                class Odd(str):
                    def __eq__(self, other): return True
                    __hash__ = str.__hash__
                """,
            "Odd('x')",
        ),
        detail="gave 'x'",
    ),
    fails(
        "34h",
        "float that hashes as True",
        beside(
            """
                class Odd(float):
                    def __eq__(self, other): return True
                    def __hash__(self): return 1
                """,
            "Odd(0.5)",
        ),
        detail="gave 0.5",
    ),
    fails(
        "34i", "exception whose text has 10^8 characters", inside("raise ValueError('x' * 10**8)"), detail="ValueError"
    ),
    fails(
        "34k",
        "exception whose type has no name",
        beside(
            """
                class Meta(type):
                    @property
                    def __name__(self): raise ValueError
                class Odd(Exception, metaclass=Meta): pass
                def fail(): raise Odd
                """,
            "fail()",
        ),
    ),
    fails(
        "34l",
        "SystemExit without a code",
        beside(
            """
                class Odd(SystemExit):
                    @property
                    def code(self): raise ValueError
                def fail(): raise Odd
                """,
            "fail()",
        ),
        detail="exited early|ValueError",
    ),
    fails("34m", "answers one after another", inside("yield right(numbers, threshold)"), detail="gave"),
    fails(
        "34j",
        "exception without a traceable name",
        inside("raise type('\\x00\\ud800' * 1000, (Exception,), {})('\\ud800')"),
    ),
)

ATTACKS = (*PLAIN, *ENDINGS, *VALUES, *CHANNEL, *RESOURCES, *FILES, *HOST)
