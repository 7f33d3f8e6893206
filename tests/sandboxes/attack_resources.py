"""Programs that take more time, output, memory or processes than they are given."""

from __future__ import annotations

from tests.sandboxes.attack_record import beside, fails, inside, late, unharmed

TIME = (
    late("7a", "while True", inside("while True: pass")),
    late(
        "7b",
        "loop that swallows everything",
        inside("""
            while True:
                try:
                    while True: pass
                except BaseException: pass
            """),
    ),
    late("7c", "loop at module level", beside("while True: pass")),
    late("7d", "sleep", inside("import time\ntime.sleep(600)")),
    late(
        "8",
        "swallow what interrupts once, then answer",
        inside("""
            try:
                while True: pass
            except BaseException:
                return right(numbers, threshold)
            """),
    ),
    late(
        "9",
        "disarm the timer, ignore SIGALRM, loop",
        inside("""
            import signal
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
            while True: pass
            """),
    ),
    late(
        "10",
        "ignore every signal, sleep",
        inside("""
            import signal, time
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError): pass
            while True: time.sleep(60)
            """),
    ),
    unharmed(
        "11a",
        "thread left sleeping",
        inside("""
            import threading, time
            threading.Thread(target=time.sleep, args=(60,)).start()
            return right(numbers, threshold)
            """),
    ),
    unharmed(
        "11b",
        "thread left spinning",
        inside("""
            import threading
            def spin():
                while True: pass
            if len(numbers) == 1: threading.Thread(target=spin).start()
            return right(numbers, threshold)
            """),
    ),
    unharmed("28", "huge power, then the answer", inside("3 ** 500_000\nreturn right(numbers, threshold)")),
    late("29", "pow(3, 10**9)", inside("pow(3, 10**9)")),
    late("37a", "stop itself", inside("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")),
    late("37b", "a regular expression that backtracks", inside("import re\nre.match('(a+)+$', 'a' * 60 + 'b')")),
)

OUTPUT = (
    unharmed(
        "12a",
        "print 20 MB",
        inside("""
            if len(numbers) == 4: print('x' * 20_000_000)
            return right(numbers, threshold)
            """),
        busy_s=4.0,
    ),
    late("12b", "print without end", inside("while True: print('x' * 65536)")),
    late("12c", "write stderr without end", inside("import os\nwhile True: os.write(2, b'x' * 65536)")),
    unharmed(
        "13a",
        "results written to stdout and stderr",
        inside("""
            import os
            os.write(1, b'=true\\n')
            os.write(2, b'=true\\n')
            return right(numbers, threshold)
            """),
    ),
    fails(
        "13b",
        "the same, wrong",
        inside("import os\nos.write(1, b'=false\\n' * 9)\nreturn 3"),
        detail="gave 3, expected False",
    ),
    fails("14a", "input()", inside("input()\nreturn right(numbers, threshold)"), detail="EOFError"),
    unharmed("14b", "os.read(0)", inside("import os\nos.read(0, 9)\nreturn right(numbers, threshold)")),
    unharmed("14c", "sys.stdin.read()", inside("import sys\nsys.stdin.read()\nreturn right(numbers, threshold)")),
)

MEMORY = (
    fails(
        "15", "recursion without end", inside("return has_close_elements(numbers, threshold)"), detail="RecursionError"
    ),
    fails(
        "16a",
        "recursion limit 10^8, recursion",
        inside("return has_close_elements(numbers, threshold)", "import sys\nsys.setrecursionlimit(10**8)"),
        detail="killed by signal 11|out of memory|no result",
        reason=None,
        busy_s=8.0,
    ),
    fails(
        "16b",
        "recursion limit 10^8, recursion in C",
        inside(
            "out = []\nfor _ in range(10**6): out = [out]\nreturn repr(out)", "import sys\nsys.setrecursionlimit(10**8)"
        ),
        detail="killed by signal 11|out of memory|RecursionError",
        busy_s=4.0,
    ),
    fails(
        "16c",
        "memory that is not there, through ctypes",
        inside("import ctypes\nctypes.string_at(0)"),
        detail="killed by signal 11",
    ),
    unharmed(
        "17",
        "3 GiB",
        inside("""
            import mmap
            block = mmap.mmap(-1, 3 << 30)
            block.write(b'x' * (1 << 27))
            return right(numbers, threshold)
            """),
        busy_s=3.0,
    ),
    fails(
        "18a", "6 GiB", inside("block = bytearray(6 << 30)\nreturn right(numbers, threshold)"), detail="out of memory"
    ),
    fails(
        "18b",
        "6 GiB, bit by bit",
        inside("""
            import mmap
            blocks = [mmap.mmap(-1, 64 << 20) for _ in range(96)]
            return right(numbers, threshold)
            """),
        detail="out of memory|Cannot allocate",
    ),
    fails(
        "18c",
        "6 GiB in three processes",
        inside("""
            import os, time
            for _ in range(2): os.fork()
            blocks = [b'x' * (64 << 20) for _ in range(32)]
            time.sleep(3)
            return right(numbers, threshold)
            """),
        detail="out of memory|killed by signal 9|no result",
        reason=None,
        busy_s=10.0,
    ),
    fails(
        "18d",
        "6 GiB, MemoryError swallowed",
        inside("""
            import mmap
            blocks = []
            while True:
                try: blocks.append(mmap.mmap(-1, 64 << 20))
                except (MemoryError, OSError): return 'full'
            """),
        detail="gave 'full'|out of memory",
    ),
)

PROCESSES = (
    unharmed(
        "20a",
        "fork, and wait for the child",
        inside("""
            import os
            pid = os.fork()
            if not pid: os._exit(0)
            os.waitpid(pid, 0)
            return right(numbers, threshold)
            """),
    ),
    fails(
        "20c",
        "fork, and let both answer, one of them wrong",
        inside("""
            import os
            if not os.fork(): return not right(numbers, threshold)
            os.wait()
            return right(numbers, threshold)
            """),
        detail="gave|no result|exited",
    ),
    unharmed(
        "20b",
        "subprocess.run",
        inside("""
            import subprocess, sys
            if len(numbers) == 1: subprocess.run([sys.executable, '-c', 'pass'], check=True)
            return right(numbers, threshold)
            """),
        busy_s=3.0,
    ),
    unharmed(
        "21a",
        "an orphan in a session of its own",
        inside("""
            import os
            if len(numbers) == 4 and not os.fork():
                os.setsid()
                if not os.fork():
                    import time
                    time.sleep(6)
                    open('/tmp/late', 'w').close()
                os._exit(0)
            return right(numbers, threshold)
            """),
    ),
    unharmed(
        "21b",
        "a process left behind",
        beside("""
            import os, subprocess, sys
            code = 'import time; time.sleep(600)'
            subprocess.Popen([sys.executable, '-c', code, '@MARK@'], start_new_session=True)
            """),
        busy_s=3.0,
    ),
    unharmed(
        "22",
        "posix_spawn of a program",
        inside("""
            import os
            pid = os.posix_spawn('/bin/sh', ['sh', '-c', 'touch @FILE@ /tmp/x'], {})
            os.waitpid(pid, 0)
            return right(numbers, threshold)
            """),
        busy_s=2.0,
    ),
    fails(
        "23a",
        "kill -9 the parent",
        inside("""
            import os, time
            os.kill(os.getppid(), 9)
            time.sleep(9)
            return right(numbers, threshold)
            """),
        detail="killed by signal 9",
    ),
    fails(
        "23b",
        "kill -9 everybody",
        inside("""
            import os, time
            os.kill(-1, 9)
            time.sleep(9)
            return right(numbers, threshold)
            """),
        detail="killed by signal 9|exited early",
    ),
    unharmed(
        "23c",
        "kill -9 process 1",
        inside("""
            import os
            try: os.kill(1, 9)
            except OSError: pass
            return right(numbers, threshold)
            """),
    ),
    fails("23d", "kill -9 itself", inside("import os\nos.kill(os.getpid(), 9)"), detail="killed by signal 9"),
    fails(
        "23e",
        "kill the parent, deaf to its death",
        inside("""
            import ctypes, os, time
            ctypes.CDLL(None).prctl(1, 0)
            os.kill(os.getppid(), 9)
            time.sleep(9)
            return right(numbers, threshold)
            """),
        detail="killed by signal 9",
    ),
    unharmed(
        "23f",
        "stop the parent",
        inside("""
            import os, signal
            try: os.kill(os.getppid(), signal.SIGSTOP)
            except OSError: pass
            return right(numbers, threshold)
            """),
    ),
    fails("30a", "fork bomb", inside("import os\nwhile True: os.fork()"), busy_s=6.0),
    late(
        "30b",
        "fork bomb that swallows everything",
        inside("""
            import os
            while True:
                try: os.fork()
                except BaseException: pass
            """),
    ),
    fails(
        "30c",
        "threads without end",
        inside("""
            import threading, time
            while True: threading.Thread(target=time.sleep, args=(60,)).start()
            """),
        detail="can't start new thread",
    ),
)

RESOURCES = (*TIME, *OUTPUT, *MEMORY, *PROCESSES)
