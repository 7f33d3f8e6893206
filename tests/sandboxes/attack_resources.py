"""Programs that take what they are not given: time, memory, processes, files, the host."""

from __future__ import annotations

from pytest_llmbench.records import Reason
from tests.sandboxes.attack_record import Attack, beside, inside, late, unharmed

_RIGHT = "return right(numbers, threshold)"

TIME = (
    late("7a", "while True", inside("while True: pass")),
    late("7b", "loop that swallows everything", inside("while True:\n    try:\n        while True: pass\n    except BaseException: pass")),
    late("7c", "loop at module level", beside("while True: pass")),
    late("7d", "sleep", inside("import time\ntime.sleep(600)")),
    late("8", "swallow what interrupts once, then answer", inside(f"try:\n    while True: pass\nexcept BaseException:\n    {_RIGHT}")),
    late("9", "disarm the timer, ignore SIGALRM, loop", inside("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass")),
    late("10", "ignore every signal, sleep", inside("import signal, time\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: time.sleep(60)")),
    unharmed("11a", "thread left sleeping", inside(f"import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n{_RIGHT}")),
    unharmed("11b", "thread left spinning", inside(f"import threading\ndef spin():\n    while True: pass\nif len(numbers) == 1: threading.Thread(target=spin).start()\n{_RIGHT}")),
    unharmed("28", "huge power, then the answer", inside(f"3 ** 500_000\n{_RIGHT}")),
    late("29", "pow(3, 10**9)", inside("pow(3, 10**9)")),
    late("37a", "stop itself", inside("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")),
    late("37b", "a regular expression that backtracks", inside("import re\nre.match('(a+)+$', 'a' * 60 + 'b')")),
)  # fmt: skip

OUTPUT = (
    unharmed("12a", "print 20 MB", inside(f"if len(numbers) == 4: print('x' * 20_000_000)\n{_RIGHT}"), busy_s=4.0),
    late("12b", "print without end", inside("while True: print('x' * 65536)")),
    late("12c", "write stderr without end", inside("import os\nwhile True: os.write(2, b'x' * 65536)")),
    unharmed("13a", "results written to stdout and stderr", inside(f"import os\nos.write(1, b'=true\\n')\nos.write(2, b'=true\\n')\n{_RIGHT}")),
    Attack(number="13b", name="the same, wrong", program=inside("import os\nos.write(1, b'=false\\n' * 9)\nreturn 3"), detail="gave 3, expected False"),
    Attack(number="14a", name="input()", program=inside(f"input()\n{_RIGHT}"), detail="EOFError"),
    unharmed("14b", "os.read(0)", inside(f"import os\nos.read(0, 9)\n{_RIGHT}")),
    unharmed("14c", "sys.stdin.read()", inside(f"import sys\nsys.stdin.read()\n{_RIGHT}")),
)  # fmt: skip

MEMORY = (
    Attack(number="15", name="recursion without end", program=inside("return has_close_elements(numbers, threshold)"), detail="RecursionError"),
    Attack(number="16a", name="recursion limit 10^8, recursion", program=inside("return has_close_elements(numbers, threshold)", "import sys\nsys.setrecursionlimit(10**8)"), detail="killed by signal 11|out of memory", busy_s=8.0),
    Attack(number="16b", name="recursion limit 10^8, recursion in C", program=inside("out = []\nfor _ in range(10**6): out = [out]\nreturn repr(out)", "import sys\nsys.setrecursionlimit(10**8)"), detail="killed by signal 11|out of memory|RecursionError", busy_s=4.0),
    Attack(number="16c", name="C stack overflow through ctypes", program=inside("import ctypes\nctypes.string_at(0)"), detail="killed by signal 11"),
    unharmed("17", "3 GiB", inside(f"block = bytearray(3 << 30)\nblock[::4096] = b'x' * (len(block) // 4096)\n{_RIGHT}".replace("block = ", "if len(numbers) > 3:\n    block = ").replace("\nblock[", "\n    block[")), busy_s=8.0),
    Attack(number="18a", name="6 GiB", program=inside(f"block = bytearray(6 << 30)\nblock[::4096] = b'x' * (len(block) // 4096)\n{_RIGHT}"), detail="out of memory", busy_s=8.0),
    Attack(number="18b", name="6 GiB, bit by bit", program=inside(f"blocks = [b'x' * (64 << 20) for _ in range(96)]\n{_RIGHT}"), detail="out of memory", busy_s=8.0),
    Attack(number="18c", name="6 GiB in three processes", program=inside(f"import os, time\nfor _ in range(2): os.fork()\nblocks = [b'x' * (64 << 20) for _ in range(32)]\ntime.sleep(3)\n{_RIGHT}"), detail="out of memory|killed by signal 9|no result", busy_s=10.0),
    Attack(number="18d", name="6 GiB, MemoryError swallowed", program=inside("blocks = []\nwhile True:\n    try: blocks.append(bytearray(1 << 26))\n    except MemoryError: return 'full'"), detail="gave 'full'|out of memory", busy_s=8.0),
)  # fmt: skip

_ORPHAN = """
import os, subprocess, sys
code = 'import time; MARK = 1; time.sleep(600)'
subprocess.Popen([sys.executable, '-c', code, 'MARK'], start_new_session=True)
"""

PROCESSES = (
    unharmed("20a", "fork, and wait for the child", inside(f"import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)\n{_RIGHT}")),
    unharmed("20b", "subprocess.run", inside(f"import subprocess, sys\nif len(numbers) == 1: subprocess.run([sys.executable, '-c', 'pass'], check=True)\n{_RIGHT}"), busy_s=3.0),
    unharmed("21a", "an orphan in a session of its own", inside(f"import os\nif len(numbers) == 4 and not os.fork():\n    os.setsid()\n    if not os.fork():\n        import time\n        time.sleep(6)\n        open('/tmp/late', 'w').close()\n    os._exit(0)\n{_RIGHT}")),
    unharmed("21b", "a process left behind", beside(_ORPHAN), busy_s=3.0),
    unharmed("22", "posix_spawn of a program", inside(f"import os\npid = os.posix_spawn('/bin/sh', ['sh', '-c', 'touch FILE /tmp/x'], {{}})\nos.waitpid(pid, 0)\n{_RIGHT}"), busy_s=2.0),
    Attack(number="23a", name="kill -9 the parent", program=inside(f"import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(9)\n{_RIGHT}"), detail="killed by signal 9"),
    Attack(number="23b", name="kill -9 everybody", program=inside(f"import os, time\nos.kill(-1, 9)\ntime.sleep(9)\n{_RIGHT}"), detail="killed by signal 9|exited early"),
    unharmed("23c", "kill -9 process 1", inside(f"import os\ntry: os.kill(1, 9)\nexcept OSError: pass\n{_RIGHT}")),
    Attack(number="23d", name="kill -9 itself", program=inside("import os\nos.kill(os.getpid(), 9)"), detail="killed by signal 9"),
    Attack(number="23e", name="kill the parent, deaf to its death", program=inside(f"import ctypes, os, time\nctypes.CDLL(None).prctl(1, 0)\nos.kill(os.getppid(), 9)\ntime.sleep(9)\n{_RIGHT}"), detail="killed by signal 9"),
    unharmed("23f", "stop the parent", inside(f"import os, signal\ntry: os.kill(os.getppid(), signal.SIGSTOP)\nexcept OSError: pass\n{_RIGHT}")),
    Attack(number="30a", name="fork bomb", program=inside("import os\nwhile True: os.fork()"), detail="", busy_s=6.0),
    Attack(number="30b", name="fork bomb that swallows everything", program=inside("import os\nwhile True:\n    try: os.fork()\n    except BaseException: pass"), reason=Reason.TIMEOUT, detail="no result", busy_s=3.0),
    Attack(number="30c", name="threads without end", program=inside("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"), detail="can't start new thread"),
)  # fmt: skip

FILES = (
    Attack(number="19a", name="write an absolute path, open()", program=inside(f"open('FILE', 'w').write('x')\n{_RIGHT}"), detail="FileNotFoundError|PermissionError|Read-only|OSError"),
    Attack(number="19b", name="write an absolute path, io.open()", program=inside(f"import io\nio.open('FILE', 'w').write('x')\n{_RIGHT}"), detail="FileNotFoundError|PermissionError|Read-only|OSError"),
    Attack(number="19c", name="write into the root", program=inside(f"open('/llmbench-attack', 'w').close()\n{_RIGHT}"), detail="Read-only|PermissionError"),
    Attack(number="19d", name="write into /usr", program=inside(f"open('/usr/bin/python3', 'ab').close()\n{_RIGHT}"), detail="Read-only|PermissionError|Text file busy"),
    Attack(number="30d", name="fill the disk", program=inside("with open('x', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))"), detail="OSError|No space|too large", busy_s=4.0),
    Attack(number="30e", name="fill the disk with many files", program=inside("import itertools\nfor number in itertools.count():\n    open(f'/tmp/{number}', 'wb').write(b'x' * (1 << 20))"), detail="No space", busy_s=4.0),
    Attack(number="30f", name="10^5 files", program=inside(f"for number in range(10**5): open(f'/tmp/{{number}}', 'w').close()\n{_RIGHT}"), detail="No space|OSError", busy_s=6.0),
    Attack(number="30g", name="10^5 open files", program=inside(f"kept = [open('/dev/null') for _ in range(10**5)]\n{_RIGHT}"), detail="Too many open files"),
)  # fmt: skip

HOST = (
    Attack(number="24a", name="connect to loopback", program=inside(f"import socket\nsocket.create_connection(('127.0.0.1', PORT), 1).sendall(b'x')\n{_RIGHT}"), detail="ConnectionRefused|unreachable|PermissionError|OSError"),
    Attack(number="24b", name="connect to the gateway", program=inside(f"import socket\nsocket.create_connection(('172.17.0.1', PORT), 1).sendall(b'x')\n{_RIGHT}"), detail="unreachable|timed out|PermissionError|OSError|Refused"),
    Attack(number="24c", name="resolve a name", program=inside(f"import socket\nsocket.create_connection(('example.org', 80), 1)\n{_RIGHT}"), detail="gaierror|OSError|PermissionError"),
    Attack(number="24d", name="the daemon's socket", program=inside(f"import socket\nsocket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')\n{_RIGHT}"), detail="FileNotFoundError|PermissionError"),
    Attack(number="25a", name="read a file of the host", program=inside(f"open(__FILE__)\n{_RIGHT}".replace("__FILE__", repr("DATA"))), detail="FileNotFoundError|PermissionError"),
    Attack(number="25b", name="search for data", program=inside(f"import os\nfound = [name for _, _, names in os.walk('/') for name in names if '.jsonl' in name]\nfound[0]\n{_RIGHT}"), detail="IndexError", busy_s=4.0),
    Attack(number="27a", name="read a key from the environment", program=inside(f"import os\nos.environ['SECRET']\n{_RIGHT}"), detail="KeyError"),
    Attack(number="27b", name="read the environments of all processes", program=inside(f"import glob\nfor name in glob.glob('/proc/[0-9]*/environ'):\n    try: text = open(name).read()\n    except OSError: continue\n    if 'SECRET' in text: {_RIGHT}\nraise LookupError"), detail="LookupError"),
    Attack(number="38a", name="become root", program=inside(f"import os\nos.setuid(0)\n{_RIGHT}"), detail="PermissionError"),
    unharmed("38b", "is not root, and has no rights", inside(f"import os\nassert os.getuid() and os.geteuid() and os.getgid()\nassert 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()\n{_RIGHT}")),
    Attack(number="38c", name="write into the memory of process 1", program=inside(f"open('/proc/1/mem', 'r+b').write(b'x')\n{_RIGHT}"), detail="PermissionError"),
    Attack(number="38d", name="write to the streams of process 1", program=inside(f"open('/proc/1/fd/1', 'wb').write(b'x')\n{_RIGHT}"), detail="PermissionError|FileNotFoundError"),
    Attack(number="38e", name="write to the streams of the parent", program=inside(f"import os\nfor fd in range(64):\n    try: open(f'/proc/{{os.getppid()}}/fd/{{fd}}', 'wb').write(b'=false\\n=true\\n')\n    except OSError: pass\nreturn 5"), detail="gave 5|signal|exited"),
    Attack(number="38f", name="trace the parent", program=inside(f"import ctypes, os\nif ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise PermissionError\n{_RIGHT}"), detail="PermissionError"),
    Attack(number="38g", name="a user namespace of its own", program=inside(f"import ctypes\nif ctypes.CDLL(None).unshare(0x10000000): raise PermissionError\n{_RIGHT}"), detail="PermissionError"),
    Attack(number="38h", name="raise its own limits", program=inside(f"import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))\n{_RIGHT}"), detail="ValueError|PermissionError"),
    Attack(number="38i", name="raise its own priority", program=inside(f"import os\nos.nice(-10)\n{_RIGHT}"), detail="PermissionError"),
)  # fmt: skip

RESOURCES = (*TIME, *OUTPUT, *MEMORY, *PROCESSES, *FILES, *HOST)
