"""Sessions that measure nothing are none of our business."""

from __future__ import annotations

from tests.plugin.lab import Lab, scenarios

NO_CACHE = ("-p", "no:cacheprovider")
HEAVY = ("openai", "yaml", "jsonschema", "httpx", "httpx2", "asyncio", "pytest_llmbench.records")


def test_a_session_without_packs_sees_nothing_of_us(lab: Lab) -> None:
    """The same output but for the header, the same exit code, no folder, no thread, no module that costs time."""
    lab.file(
        "test_plain.py",
        f"""
        import sys, threading

        def test_modules():
            assert [name for name in {HEAVY} if name in sys.modules] == []

        def test_threads():
            assert [thread.name for thread in threading.enumerate() if "llmbench" in thread.name] == []

        def test_fails():
            assert 0
        """,
    )
    with_us = lab.run(*NO_CACHE, "-p", "no:anyio", fresh=True, LLMBENCH_URL="http://127.0.0.1:9", CI="1")
    without = lab.run(*NO_CACHE, "-p", "no:anyio", "-p", "no:llmbench", fresh=True)
    assert (with_us.code, without.code) == (1, 1)
    assert "1 failed, 2 passed" in with_us.out
    body = slice(4, -1)
    assert with_us.lines[body] == without.lines[body]
    assert {path.name for path in lab.root.iterdir()} <= {"test_plain.py", "output.txt", "__pycache__"}


def test_workers_of_such_a_session_neither(lab: Lab) -> None:
    """Under -n 2 nothing is imported in workers, nothing runs in the controller, modules that fail stay pytest's."""
    lab.file("test_plain.py", f"import sys\ndef test_modules(): assert not {{*{HEAVY[:3]}}} & {{*sys.modules}}\n")
    lab.file("test_broken.py", "import nothing_of_this_name\n")
    done = lab.run(*NO_CACHE, "-n", "2", "-p", "no:anyio", fresh=True)
    assert done.code == 1, done.out
    done.holds("1 passed, 1 error")
    assert "llmbench:" not in done.out
    assert not (lab.root / ".llmbench").exists()


def test_a_deselected_pack_starts_no_server(lab: Lab) -> None:
    """Packs that are there and not selected leave an ordinary session alone."""
    lab.pack(scenarios(2))
    lab.file("test_plain.py", "def test_one(): pass\n")
    for workers in ((), ("-n", "2")):
        done = lab.run("-k", "test_one", "--llm-url", "http://127.0.0.1:9", *workers)
        assert done.code == 0, done.out
        assert "exit 0" not in done.out
        assert not (lab.root / ".llmbench").exists()
