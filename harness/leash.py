"""A leash between a process and the children that it starts: when the one ends, so do the others.

The leash is the child's standard input, a pipe that nothing is written to. Whatever becomes of the
parent, `kill -9` included, its end of the pipe is closed; the child, which waits for just that in a
thread, then interrupts itself as if by Ctrl-C, and so has time to remove its temporary files.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_MARK = "HARNESS_LEASH"
"""Environment variable that tells a process that its standard input is a leash."""

GRACE = 5.0
"""Seconds that a child has to end by itself: compiled code cannot be interrupted."""


class Leash:
    """The parent's end: holds child processes until it is let go."""

    def __init__(self) -> None:
        """Hold nobody yet."""
        self.let_go = False
        self._children: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def child(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[str]]:
        """Start a process, its standard error a pipe; at the end of the context it has ended."""
        with self._lock:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, _MARK: "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                # Ctrl-C in a terminal reaches it through the leash alone, once.
                start_new_session=True,
            )
            self._children.add(child)
            if self.let_go:
                _close(child)
        try:
            with child:
                yield child
        finally:
            self._children.discard(child)

    @contextmanager
    def released_by_interrupt(self) -> Iterator[None]:
        """Within this context Ctrl-C ends the children, and then what the main thread does."""

        def interrupt(_signal: int, _frame: FrameType | None) -> None:
            self.let_go = True
            with self._lock:
                for child in self._children:
                    _close(child)
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def follow() -> None:
    """The child's end: from now on this process ends with its parent, if it is on a leash."""
    # Taken out of the environment: the leash is this process's, not its children's.
    if os.environ.pop(_MARK, None):
        threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    os._exit(128 + signal.SIGINT)


def _close(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.close()
