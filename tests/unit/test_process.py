"""The process runner: nothing that it starts is unbounded, and nothing reaches a shell."""

import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from rctrack import process
from rctrack.process import Interrupted, Limits, ProcessError, Runner
from rctrack.web import Web
from tests.unit.test_web import host_of

FOREVER = "import signal; signal.pause()"


def python(code: str, *arguments: str) -> list[str]:
    """A program that runs this code."""
    return [sys.executable, "-I", "-c", code, *arguments]


def is_running(pid: int) -> bool:
    """Whether that process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, within: float = 10) -> bool:
    """Whether that process ends in time."""
    deadline = monotonic() + within
    while is_running(pid) and monotonic() < deadline:
        threading.Event().wait(0.02)
    return not is_running(pid)


@contextmanager
def stopping(runner: Runner, when: Path) -> Iterator[None]:
    """Sets `stop` as soon as that file is there."""

    def watch() -> None:
        deadline = monotonic() + 30
        while not when.exists() and monotonic() < deadline:
            threading.Event().wait(0.02)
        runner.stopping.set()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    thread.join()


class TestOutput:
    """What a program says."""

    def test_the_output_comes_back_whole(self) -> None:
        """Bytes, with what was given on standard input."""
        code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1] + b'\\xff\\0')"
        assert Runner().run(python(code), timeout=30, stdin=b"abc") == b"cba\xff\0"

    def test_the_output_is_bounded(self) -> None:
        """A program that never stops talking is ended."""
        began = monotonic()
        with pytest.raises(ProcessError, match="more than 1000 bytes of output"):
            Runner().run(python("while True: print('x' * 1000)"), timeout=60, most=1000)
        assert monotonic() - began < 30

    def test_as_much_as_is_allowed_is_fine(self) -> None:
        """To the byte."""
        assert len(Runner().run(python("print(end='x' * 1000)"), timeout=30, most=1000)) == 1000

    def test_a_stream_is_read_as_it_comes(self) -> None:
        """A reader that leaves early ends the program."""
        runner = Runner()
        with (  # noqa: PT012
            pytest.raises(KeyError),
            runner.stream(python(f"import os; print(os.getpid(), flush=True); {FOREVER}"), timeout=60) as output,
        ):
            pid = int(output.readline())
            assert is_running(pid)
            raise KeyError
        assert gone(pid)

    def test_what_it_says_meanwhile_is_heard(self, tmp_path: Path) -> None:
        """Progress goes to standard error."""
        heard: list[str] = []
        end = tmp_path / "end"
        code = "import os, sys; print('50%', file=sys.stderr, flush=True)\nwhile not os.path.exists(sys.argv[1]): pass"

        def hear(said: str) -> None:
            heard.append(said)
            end.touch()

        Runner().run(python(code, str(end)), timeout=30, heard=hear)
        assert "".join(heard) == "50%\n"


class TestLimits:
    """Nothing runs for ever."""

    def test_a_time_limit_ends_it(self) -> None:
        """And says so."""
        began = monotonic()
        with pytest.raises(ProcessError, match=r"no end within 0\.3 s"):
            Runner().run(python(FOREVER), timeout=0.3)
        assert monotonic() - began < 20

    def test_a_time_limit_ends_its_children_too(self, tmp_path: Path) -> None:
        """Also one that ignores SIGTERM, and holds the output open."""
        note = tmp_path / "pid"
        child = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); {FOREVER}"
        code = (
            "import subprocess, sys, os\n"
            f"child = subprocess.Popen([sys.executable, '-I', '-c', {child!r}])\n"
            "open(sys.argv[1] + '.new', 'w').write(str(child.pid))\n"
            "os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
            "child.wait()"
        )
        runner = Runner(grace=0.1)
        with stopping(runner, note), pytest.raises(Interrupted):
            runner.run(python(code, str(note)), timeout=60)
        assert gone(int(note.read_text()))

    @pytest.mark.parametrize(
        ("limits", "code"),
        [
            (Limits(memory=2**27), "print(len(b'x' * 2**28))"),
            (Limits(file=1000), "import pathlib; pathlib.Path(sys.argv[1]).write_bytes(b'x' * 2000)"),
        ],
        ids=["memory", "file"],
    )
    def test_it_and_its_children_are_limited_from_the_start(self, limits: Limits, code: str, tmp_path: Path) -> None:
        """The first thing that a child does is too much already; a program that keeps to its limits does not notice."""
        child = [sys.executable, "-I", "-c", f"import sys; {code}", str(tmp_path / "file")]
        parent = python(f"import subprocess, sys; sys.exit(subprocess.run({child!r}).returncode)")
        with pytest.raises(ProcessError):
            Runner().run(parent, timeout=30, limits=limits)
        assert Runner().run(python("print('fine')"), timeout=30, limits=limits) == b"fine\n"

    def test_one_that_does_not_want_to_end_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is asked first, and then not asked."""
        monkeypatch.setattr(process, "_TO_END", 0.2)
        note = tmp_path / "pid"
        code = f"""import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], 'w').write(str(os.getpid()))
while True: {FOREVER}"""
        began = monotonic()
        with pytest.raises(ProcessError, match="no end within"):
            Runner().run(python(code, str(note)), timeout=2)
        assert monotonic() - began < 30
        assert gone(int(note.read_text()))

    def test_stopping_is_no_failure_of_the_program(self, tmp_path: Path) -> None:
        """It is Interrupted and no ProcessError: no host is to blame."""
        ready = tmp_path / "ready"
        code = f"import sys; open(sys.argv[1], 'w').close(); {FOREVER}"
        runner = Runner(grace=0.1)
        with stopping(runner, ready), pytest.raises(Interrupted, match="rctrack is stopping"):
            runner.run(python(code, str(ready)), timeout=60)

    def test_what_ends_in_its_grace_is_done(self) -> None:
        """The turn in hand is finished."""
        runner = Runner(grace=30)
        runner.stopping.set()
        assert runner.run(python("print('done')"), timeout=30) == b"done\n"


class TestFailures:
    """A program that fails says why."""

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ("fatal: no such repository", "fatal: no such repository"),
            ("warning: x\nfatal: it broke\nhint: try y", "fatal: it broke"),
            ("remote: not found\nerror: one\nfatal: two\n", "fatal: two: error: one"),
            (
                "ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.\n\n"
                "Please make sure you have the correct access rights\nand the repository exists.\n",
                "fatal: Could not read from remote repository: ssh: connect to host x port 22: Connection refused",
            ),
            (
                "remote: Counting objects: 100% (9/9), done.\nReceiving: 10%\rReceiving: 99%\rfatal: early EOF",
                "fatal: early EOF",
            ),
            ("fatal: \x1b[31mred\x07", "fatal: [31mred"),
            ("only\nlast line", "last line"),
            ("", "exit status 3"),
        ],
    )
    def test_its_last_words_are_the_reason(self, said: str, words: str) -> None:
        """The telling line of them, whatever else it said."""
        code = "import sys; sys.stderr.write(sys.argv[1]); sys.exit(3)"
        with pytest.raises(ProcessError) as failure:
            Runner().run(python(code, said), timeout=30)
        assert str(failure.value).endswith(f": {words}")

    def test_of_endless_complaints_the_end_is_kept(self) -> None:
        """Neither memory nor disk fills, and the program is not held up."""
        code = "import sys\nfor i in range(2**10): sys.stderr.write('x' * 2**16 + '\\n')\nsys.exit('fatal: the end')"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ProcessError, match=r"fatal: the end: x+$") as failure:
            Runner().run(python(code), timeout=120)
        assert len(str(failure.value)) < 400
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "64 MB were said"

    def test_a_child_that_holds_its_standard_error_open_is_not_waited_for(self) -> None:
        """As the master connection of ssh, which stays; what was said is not lost."""
        child = f"import sys; {FOREVER}"
        code = (
            "import subprocess, sys\n"
            f"child = subprocess.Popen([sys.executable, '-I', '-c', {child!r}], stdout=subprocess.DEVNULL)\n"
            "sys.exit(f'fatal: child {child.pid}')"
        )
        began = monotonic()
        with pytest.raises(ProcessError, match=r"fatal: child \d+$") as failure:
            Runner().run(python(code), timeout=60)
        assert monotonic() - began < 30
        os.kill(int(str(failure.value).rpartition(" ")[2]), signal.SIGKILL)

    def test_what_it_complains_of_in_its_grace_does_not_hold_it_up(self, tmp_path: Path) -> None:
        """More than a pipe holds."""
        runner = Runner(grace=60)
        runner.stopping.set()
        code = "import sys; sys.stderr.write('x' * 2**20); print('done')"
        assert runner.run(python(code), timeout=60) == b"done\n"

    def test_endless_last_words_are_cut(self) -> None:
        """One short line."""
        with pytest.raises(ProcessError) as failure:
            Runner().run(python("import sys; sys.exit('fatal: \\xff' + 'x' * 100000)"), timeout=30)
        assert len(str(failure.value)) < 400

    def test_a_program_that_is_missing_is_named(self) -> None:
        """With the reason."""
        with pytest.raises(ProcessError, match=r"no-such-program: cannot be started: .*No such file"):
            Runner().run(["no-such-program", "x"], timeout=30)

    def test_a_signal_is_a_failure(self) -> None:
        """Half an output is none."""
        code = "import os, signal; print('half', flush=True); os.kill(os.getpid(), signal.SIGSEGV)"
        with pytest.raises(ProcessError, match="exit status -11"):
            Runner().run(python(code), timeout=30)

    def test_an_argument_that_no_program_can_have_is_a_failure(self) -> None:
        """A zero byte."""
        with pytest.raises(ProcessError, match="cannot be started"):
            Runner().run(["echo", "a\0b"], timeout=30)


class TestSurroundings:
    """What a program sees."""

    @pytest.mark.parametrize("text", ["$(touch x); `touch x` | touch x > x & \"'\\", "*", "~", "a\nb", "-n", "$HOME"])
    def test_nothing_reaches_a_shell(self, tmp_path: Path, text: str) -> None:
        """An argument arrives as it is."""
        code = "import os, sys; os.chdir(sys.argv[1]); print(end=sys.argv[2])"
        assert Runner().run(python(code, str(tmp_path), text), timeout=30) == text.encode()
        assert list(tmp_path.iterdir()) == []

    def test_its_surroundings_are_plain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """UTC, no translated words, nobody to ask, no repository of the caller; all else is inherited."""
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            monkeypatch.setenv(name, "/nowhere")
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        monkeypatch.setenv("RCTRACK_TEST", "kept")
        said = Runner().run(python("import os; print(*os.environ.items(), sep='\\n')"), timeout=30).decode()
        assert "'GIT_DIR'" not in said
        assert "GIT_WORK_TREE" not in said
        assert "('LC_ALL', 'C.UTF-8')" in said
        assert "('TZ', 'UTC')" in said
        assert "('GIT_TERMINAL_PROMPT', '0')" in said
        assert "('RCTRACK_TEST', 'kept')" in said

    def test_it_has_a_session_of_its_own(self) -> None:
        """Ctrl-C at our terminal is ours to deal with."""
        said = Runner().run(python("import os; print(os.getsid(0), os.getpid())"), timeout=30)
        session, pid = said.split()
        assert session == pid
        assert int(session) != os.getsid(0)


def test_waiting_for_a_host_ends_when_we_stop() -> None:
    """It asks for a minute, and would be asked again after that; SIGTERM comes after a moment."""
    runner = Runner()
    began = monotonic()
    with host_of(lambda _: (503, {"Retry-After": "60"}, b"later")) as host:
        web = Web("rctrack/test", wait=runner.wait)
        threading.Timer(0.2, runner.stopping.set).start()
        with pytest.raises(Interrupted):
            web.get(host.url)
    assert monotonic() - began < 15
    assert len(host.asked) == 1
