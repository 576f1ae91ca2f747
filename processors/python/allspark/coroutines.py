"""Asynchronous processors: one event loop per worker, in a thread of its own."""
import asyncio
import concurrent.futures
import threading

from . import frames, log, messages, streams


class EventLoop:
    """Runs coroutines of a processor, many at once."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._running = set()
        threading.Thread(target=self._run, name="processor-loop", daemon=True).start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except BaseException as error:  # SystemExit in a task of the processor's own
                log.trace(error)

    def result(self, awaitable):
        """Runs one to its end, and gives what it returns. Not to be called in the loop's thread."""
        return asyncio.run_coroutine_threadsafe(_awaited(awaitable), self.loop).result()

    def start(self, coroutine):
        """Runs one; does not wait for it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        self._running.add(future)
        future.add_done_callback(self._running.discard)

    def drain(self):
        """Waits until all that were started are done."""
        concurrent.futures.wait(list(self._running))


_shared = None
_shared_lock = threading.Lock()


def shared_loop():
    """The one loop of this process; made when first asked for."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = EventLoop()
        return _shared


async def _awaited(awaitable):
    return await awaitable


def waited(awaited):
    """The items of a coroutine's answer or of an asynchronous generator, one by one, for a local test without an engine."""
    loop = shared_loop()
    if not hasattr(type(awaited), "__anext__"):
        result = loop.result(awaited)
        found = streams.split(result)
        if found is None:
            yield result if type(result) is tuple else (result, 200)
            return
        awaited = found[0]
        if streams.is_iterator(awaited):
            yield from awaited
            return
    while True:
        try:
            yield loop.result(awaited.__anext__())
        except StopAsyncIteration:
            return


class AsyncAnswer:
    """One answer that a coroutine or an asynchronous generator gives; same duties as `streams.Stream`."""

    def __init__(self, serving, request_id, awaited, rest):
        self._serving = serving
        self._id = request_id
        self._awaited = awaited
        self._rest = rest
        self._left = frames.PART_WINDOW_BYTES
        self._begun = False
        self._waiting = None  # future of who waits for credit; used in the loop only
        self._events = shared_loop()
        self._task = None
        self._is_gone = False

    def start(self):
        self._events.start(self._run())

    def cancel(self):
        """The client has gone: the coroutine gets CancelledError where it waits."""
        self._events.loop.call_soon_threadsafe(self._cancelled)

    def _cancelled(self):
        self._is_gone = True
        if self._task is not None:
            self._task.cancel()

    def credit(self, count):
        self._events.loop.call_soon_threadsafe(self._credited, count)

    def _credited(self, count):
        self._left += count
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _run(self):
        # Cancelled is a task of its own: one that is cancelled before its first step never runs, and every request must be answered.
        self._task = asyncio.ensure_future(self._guarded())
        if self._is_gone:
            self._task.cancel()
        try:
            last = await self._task
        except asyncio.CancelledError:
            last = (streams.end(self._id, "cancelled") if self._begun else frames.encode_error(self._id, 408, "cancelled"),)
            if hasattr(self._awaited, "close"):
                self._awaited.close()
        if last is None:
            return
        self._serving.part(self._id)
        self._serving.send(last)

    async def _guarded(self):
        try:
            return await self._answered()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # also SystemExit: one request must not end the worker
            return streams.refused(self._serving, self._id, error, self._begun)

    async def _answered(self):
        """The frames that are left to be sent; None when somebody else sends them."""
        result = self._awaited
        if not hasattr(type(result), "__anext__"):
            result = await result
            found = streams.split(result)
            if found is None:
                return messages.encode_answer(self._id, result)
            self._awaited, self._rest = found
            if streams.is_iterator(self._awaited):
                stream = streams.Stream(self._serving, self._id, self._awaited, self._rest)
                threading.Thread(target=stream.run, name="processor-stream", daemon=True).start()
                return None
        return await self._streamed(self._awaited)

    async def _streamed(self, items):
        if not hasattr(type(items), "__anext__"):
            raise messages.BadAnswer("process returned a coroutine that gives another one; allowed: an answer, or a generator")
        try:
            async for item in items:
                if self._begun:
                    await self._send(streams.part_bytes(item))
                    continue
                status, head, body = streams.first_parts(item, self._rest)
                taken = min(self._left, len(body))
                self._left -= taken
                self._serving.send((frames.encode_response(self._id, status | frames.MORE_PARTS, head, body[:taken]),))
                self._begun = True
                await self._send(body[taken:])
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()
        return (streams.end(self._id),) if self._begun else messages.encode_answer(self._id, (b"",) + (self._rest or (200,)))

    async def _send(self, body):
        at = 0
        while at < len(body):
            while self._left == 0:
                self._waiting = self._events.loop.create_future()
                await self._waiting
            taken = min(self._left, len(body) - at)
            self._left -= taken
            self._serving.send((frames.encode(frames.PART, self._id, body[at : at + taken]),))
            at += taken
