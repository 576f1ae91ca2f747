"""Lines of ours for the instance's log: whatever a processor has made of `sys.stdout` and `sys.stderr`."""
import os
import sys
import traceback

_STDERR = 2


def flush():
    """What the processor has printed goes out before what follows."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # None, closed, or an object of its own
            pass


def line(text):
    """One line."""
    flush()
    data = (text + "\n").encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(_STDERR, data) :]
    except OSError:
        pass  # closed by the processor


def trace(error):
    """The trace of an exception."""
    try:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:  # its own text cannot be made, or there is no memory for it
        text = type(error).__name__
    line(text.rstrip("\n"))
