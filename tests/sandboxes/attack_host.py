"""Programs that reach for the host: its disk, files, network, keys, and for rights."""

from __future__ import annotations

from tests.sandboxes.attack_record import fails, inside, unharmed

FILES = (
    fails(
        "19a",
        "write an absolute path, open()",
        inside("open('@FILE@', 'w').write('x')\nreturn right(numbers, threshold)"),
        detail="FileNotFoundError|PermissionError|Read-only|OSError",
    ),
    fails(
        "19b",
        "write an absolute path, io.open()",
        inside("""
            import io
            io.open('@FILE@', 'w').write('x')
            return right(numbers, threshold)
            """),
        detail="FileNotFoundError|PermissionError|Read-only|OSError",
    ),
    fails(
        "19c",
        "write into the root",
        inside("""
            open('/llmbench-attack', 'w').close()
            return right(numbers, threshold)
            """),
        detail="Read-only|PermissionError",
    ),
    fails(
        "19d",
        "write into /usr",
        inside("""
            open('/usr/bin/python3', 'ab').close()
            return right(numbers, threshold)
            """),
        detail="Read-only|PermissionError|Text file busy",
    ),
    fails(
        "30d",
        "fill the disk",
        inside("""
            with open('x', 'wb') as file:
                while True: file.write(b'x' * (1 << 20))
            """),
        detail="OSError|No space|too large",
        busy_s=4.0,
    ),
    fails(
        "30e",
        "fill the disk with many files",
        inside("""
            import itertools
            for number in itertools.count():
                open(f'/tmp/{number}', 'wb').write(b'x' * (1 << 20))
            """),
        detail="No space",
        busy_s=4.0,
    ),
    fails(
        "30f",
        "10^5 files",
        inside("""
            for number in range(10**5): open(f'/tmp/{number}', 'w').close()
            return right(numbers, threshold)
            """),
        detail="No space|OSError",
        busy_s=6.0,
    ),
    fails(
        "30g",
        "10^5 open files",
        inside("""
            kept = [open('/dev/null') for _ in range(10**5)]
            return right(numbers, threshold)
            """),
        detail="Too many open files",
    ),
)

HOST = (
    fails(
        "24a",
        "connect to loopback",
        inside("""
            import socket
            socket.create_connection(('127.0.0.1', @PORT@), 1).sendall(b'x')
            return right(numbers, threshold)
            """),
        detail="ConnectionRefused|unreachable|PermissionError|OSError",
    ),
    fails(
        "24b",
        "connect to the gateway",
        inside("""
            import socket
            socket.create_connection(('172.17.0.1', @PORT@), 1).sendall(b'x')
            return right(numbers, threshold)
            """),
        detail="unreachable|timed out|PermissionError|OSError|Refused",
    ),
    fails(
        "24c",
        "resolve a name",
        inside("""
            import socket
            socket.create_connection(('example.org', 80), 1)
            return right(numbers, threshold)
            """),
        detail="gaierror|OSError|PermissionError",
    ),
    fails(
        "24d",
        "the daemon's socket",
        inside("""
            import socket
            socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')
            return right(numbers, threshold)
            """),
        detail="FileNotFoundError|PermissionError",
    ),
    fails(
        "25a",
        "read a file of the host",
        inside("open('@DATA@')\nreturn right(numbers, threshold)"),
        detail="FileNotFoundError|PermissionError",
    ),
    fails(
        "25b",
        "search for data",
        inside("""
            import os
            found = [name for _, _, names in os.walk('/') for name in names if '.jsonl' in name]
            found[0]
            return right(numbers, threshold)
            """),
        detail="IndexError",
        busy_s=4.0,
    ),
    fails(
        "27a",
        "read a key from the environment",
        inside("""
            import os
            os.environ['@SECRET@']
            return right(numbers, threshold)
            """),
        detail="KeyError",
    ),
    fails(
        "27b",
        "read the environments of all processes",
        inside("""
            import glob
            for name in glob.glob('/proc/[0-9]*/environ'):
                try: text = open(name).read()
                except OSError: continue
                if '@SECRET@' in text: return right(numbers, threshold)
            raise LookupError
            """),
        detail="LookupError",
    ),
    fails(
        "38a",
        "become root",
        inside("import os\nos.setuid(0)\nreturn right(numbers, threshold)"),
        detail="PermissionError",
    ),
    unharmed(
        "38b",
        "is not root, and has no rights",
        inside("""
            import os
            assert os.getuid() and os.geteuid() and os.getgid()
            assert 'CapEff:\\t0000000000000000' in open('/proc/self/status').read()
            return right(numbers, threshold)
            """),
    ),
    fails(
        "38c",
        "write into the memory of process 1",
        inside("""
            open('/proc/1/mem', 'r+b').write(b'x')
            return right(numbers, threshold)
            """),
        detail="PermissionError",
    ),
    fails(
        "38d",
        "write to the streams of process 1",
        inside("""
            open('/proc/1/fd/1', 'wb').write(b'x')
            return right(numbers, threshold)
            """),
        detail="PermissionError|FileNotFoundError",
    ),
    fails(
        "38e",
        "write to the streams of the parent",
        inside("""
            import os
            for fd in range(64):
                try: open(f'/proc/{os.getppid()}/fd/{fd}', 'wb').write(b'=false\\n=true\\n')
                except OSError: pass
            return 5
            """),
        detail="gave 5|signal|exited",
    ),
    fails(
        "38f",
        "trace the parent",
        inside("""
            import ctypes, os
            if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0): raise PermissionError
            return right(numbers, threshold)
            """),
        detail="PermissionError",
    ),
    fails(
        "38g",
        "a user namespace of its own",
        inside("""
            import ctypes
            if ctypes.CDLL(None).unshare(0x10000000): raise PermissionError
            return right(numbers, threshold)
            """),
        detail="PermissionError",
    ),
    fails(
        "38h",
        "raise its own limits",
        inside("""
            import resource
            resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
            return right(numbers, threshold)
            """),
        detail="ValueError|PermissionError",
    ),
    fails(
        "38i",
        "raise its own priority",
        inside("import os\nos.nice(-10)\nreturn right(numbers, threshold)"),
        detail="PermissionError",
    ),
)
