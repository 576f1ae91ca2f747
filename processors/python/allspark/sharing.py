"""Several worker processes that share one loaded processor: the process that has loaded it forks them, and serves nothing itself.

Frames: docs/internals/protocols.md, "Several worker processes".
"""
import collections
import gc
import json
import os
import random
import select
import signal
import sys

from . import frames, limits, log, serving


def is_single_threaded():
    """Whether a fork takes everything along: threads, of Python or of a library, would be missing in the child, and their locks held for ever."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


def fork_when_asked(sock, reader, pending):
    """Forks a child for each FORK, and tells of their ends. Returns only in children: the path of the socket to connect to.

    Ends the process when the engine goes; its children die with it.
    """
    gc.collect()
    gc.freeze()  # what is there now is not looked at by collections: their marks would copy its pages
    wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_unused: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    children = set()
    frames_in = collections.deque(pending)
    while True:
        while frames_in:
            kind, index, payload = frames_in.popleft()
            if kind == frames.SHUTDOWN:
                os._exit(0)
            if kind != frames.FORK:
                continue
            log.flush()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for fd in (wake_read, wake_write, sock.detach()):
                    _close(fd)
                _settle()
                serving.is_stray = False
                return bytes(payload).decode()
            children.add(pid)
            sock.sendall(frames.encode(frames.FORKED, index, json.dumps({"pid": pid}).encode()))
        readable, _, _ = select.select([sock, wake_read], [], [])
        if wake_read in readable:
            os.read(wake_read, 4096)
            for facts in _ended(children):
                sock.sendall(frames.encode(frames.EXITED, 0, json.dumps(facts).encode()))
        if sock in readable and not reader.read(frames_in):
            os._exit(0)


def _close(fd):
    try:
        os.close(fd)
    except OSError:
        pass


def _settle():
    """What a child must not have in common with the others."""
    limits.die_with_parent()
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _ended(children):
    for pid in list(children):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done == 0:
            continue
        children.discard(pid)
        if os.WIFSIGNALED(status):
            yield {"pid": pid, "code": None, "signal": signal.Signals(os.WTERMSIG(status)).name}
        else:
            yield {"pid": pid, "code": os.WEXITSTATUS(status), "signal": None}
