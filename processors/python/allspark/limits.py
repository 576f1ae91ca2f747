"""What holds a worker process within its instance: memory, and dying with its engine."""
import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1

#: Address space that a thread's stack reserves counts as data memory although almost none of it is used.
STACK_BYTES = 8 * 1024 * 1024


def die_with_parent():
    """Has the kernel kill this process when its parent dies, also when user code never returns to Python."""
    parent = os.getppid()
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        return  # not Linux: the end of the socket is what stops us
    if os.getppid() != parent:
        os._exit(0)


def limit_memory(memory_mb, threads):
    """Sets RLIMIT_DATA to `memory_mb` MB plus the stacks of `threads` threads."""
    limit = int(memory_mb * 1024 * 1024) + threads * STACK_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
