"""Answers in parts: what a generator yields goes to the client as it comes.

Format and flow control: docs/internals/protocols.md, "Answers in parts".
"""
import threading

from . import frames, messages


class Gone(Exception):
    """Nobody takes the answer any more."""


def is_iterator(result):
    """A generator, or anything else that gives one item after the other."""
    return hasattr(type(result), "__next__")


def is_awaited(result):
    """A coroutine or asynchronous generator: for the event loop."""
    kind = type(result)
    return hasattr(kind, "__anext__") or hasattr(kind, "__await__")


def finished(result):
    """`result` itself, or what it comes to when it is a coroutine: for `initialize`, and for batches."""
    if not is_awaited(result):
        return result
    from . import coroutines  # asyncio costs 50 ms to import: only who needs it pays

    return coroutines.shared_loop().result(result)


def split(result):
    """`(items, rest)` of what `process` returned: the iterator or awaitable, alone or at the head of a tuple, and the tuple's rest; or None."""
    items = result[0] if type(result) is tuple and result else result
    if is_iterator(items) or is_awaited(items):
        return items, (result[1:] if type(result) is tuple else ())
    return None


def part_bytes(item):
    """The bytes of something yielded, not the first."""
    if isinstance(item, str):
        return item.encode("utf-8")
    if isinstance(item, (bytes, bytearray, memoryview)):
        return bytes(item)
    raise messages.BadAnswer("process yielded %s; allowed: bytes, str, or (body, status, headers) first" % type(item).__name__)


def first_parts(item, rest):
    """`(status, head, body)` of the first thing yielded; `rest` is what stood behind the generator in a returned tuple."""
    if type(item) is not tuple:
        if not isinstance(item, (str, bytes, bytearray, memoryview)):
            part_bytes(item)
        item = (item,) + rest if rest else item
    return messages.answer_parts(item)


class Window:
    """How much of one answer may go out. `lock` guards both fields and tells of changes."""

    def __init__(self):
        self.left = frames.PART_WINDOW_BYTES
        self.is_gone = False
        self.lock = threading.Condition()

    def credit(self, count):
        with self.lock:
            self.left += count
            self.lock.notify()

    def cancel(self):
        with self.lock:
            self.is_gone = True
            self.lock.notify()

    def take(self, wanted):
        """Waits until something may go; how much of `wanted`. Raises Gone."""
        with self.lock:
            while self.left == 0 and not self.is_gone:
                self.lock.wait()
            if self.is_gone:
                raise Gone()
            taken = min(self.left, wanted)
            self.left -= taken
            return taken


class Stream(Window):
    """One answer that an iterator gives. `serving` has `send(parts)`, `refusal(id, error)`, `join(id, window)` and `part(id)`."""

    def __init__(self, serving, request_id, items, rest):
        Window.__init__(self)
        self._serving = serving
        self._id = request_id
        self._items = items
        self._rest = rest

    def run(self):
        """Sends all of it. What goes wrong becomes the answer, or its end; nothing is raised."""
        begun = False
        self._serving.join(self._id, self)
        try:
            try:
                for item in self._items:
                    if self.is_gone:
                        raise Gone()
                    if begun:
                        self._send(part_bytes(item))
                        continue
                    status, head, body = first_parts(item, self._rest)
                    taken = self.take(len(body))
                    self._serving.send((frames.encode_response(self._id, status | frames.MORE_PARTS, head, body[:taken]),))
                    begun = True
                    self._send(body[taken:])
            finally:
                close = getattr(self._items, "close", None)
                if close is not None:
                    close()
        except Gone:
            last = (end(self._id, "cancelled") if begun else frames.encode_error(self._id, 408, "cancelled"),)
        except BaseException as error:  # also SystemExit: one request must not end the worker
            last = refused(self._serving, self._id, error, begun)
        else:
            last = (end(self._id),) if begun else messages.encode_answer(self._id, (b"",) + (self._rest or (200,)))
        self._serving.part(self._id)
        self._serving.send(last)

    def _send(self, body):
        at = 0
        while at < len(body):
            taken = self.take(len(body) - at)
            self._serving.send((frames.encode(frames.PART, self._id, body[at : at + taken]),))
            at += taken


def end(request_id, why=""):
    """An END frame; `why` says what broke the answer off."""
    return frames.encode(frames.END, request_id, why.encode("utf-8", "replace"))


def refused(serving, request_id, error, begun):
    """What goes out for an exception: a refusal, or the end of an answer that has begun."""
    parts = serving.refusal(request_id, error)
    return (frames.encode(frames.END, request_id, parts[0][frames.ERROR_FRONT_BYTES :]),) if begun else parts
