"""Answers requests from the engine's socket with a pool of threads, one of which leads.

The leader reads frames, works on them itself and sends the answers of one read in one write, so that short
requests cost no hand-off between threads. A thread about to do long work, or found doing it, gives the lead
to another first, so that up to `threads` requests run at once. Two rules decide:

- a call took longer than SLOW_S within the last SLOW_MEMORY_S: the lead is given away before each call;
- otherwise the watchdog, which looks each TICK_S while there is traffic, takes the lead from a thread
  that it finds in the same call twice.

`_hand_lock` makes giving away happen exactly once per leadership; `_read_lock` keeps a thread that lost the
lead while reading, and its successor, from reading at the same time.
"""
import collections
import os
import select
import threading
import time

from . import frames, log, messages, streams

SLOW_S = 0.001
SLOW_MEMORY_S = 1.0
#: SLOW_S of ready-made models, in CPU time: they compute and wait for nothing, so that a call of some ms gains nothing from threads beside it, and is
#: twice as dear when it runs in another thread than the one before. A machine with much to do makes it no longer.
READY_SLOW_S = 0.01
TICK_S = 0.005
#: Ticks without traffic after which the watchdog sleeps until there is some.
IDLE_TICKS = 20

#: Frames that are answered, each by its id; a BATCH has others.
_ASKING = (frames.TIMED_REQUEST, frames.REQUEST, frames.BATCH, frames.DESCRIBE)

_TIMED = frames.TIMED_REQUEST
_TIMED_BYTES = frames.TIMED_BYTES
unpack_timed = frames.unpack_timed
Stream = streams.Stream

_POLL_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


#: This process was forked by the processor while it worked on a request: it may neither answer nor go on as a worker.
is_stray = False


def leave():
    """Ends the process at once: the engine is gone, so nobody waits for anything."""
    os._exit(0)


class Serving:
    """One worker's connection to its engine, from READY on.

    `call(body, head, deadline)` answers a request, `deadline` being a time of `time.monotonic()` or None; `describe()` gives the JSON text of the description, both may
    raise. `call_batch(bodies, heads)` answers a list of requests by a list, an exception standing for a refusal; None:
    there are no batches. `out_of_memory` is what a client is told on MemoryError.
    """

    def __init__(self, sock, reader, call, describe, threads, out_of_memory, call_batch=None):
        self._sock = sock
        self._reader = reader
        self._call = call
        self._call_batch = call_batch
        self._describe = describe
        self._threads = threads
        self._out_of_memory = out_of_memory
        self._pending = collections.deque()
        self._out = []  # answers of the leader, gathered for one write; guarded by _hand_lock
        self._lead = threading.Lock()
        self._hand_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._send_lock = threading.Lock()
        self._leader = 0  # number of the leadership in force, 0: none
        self._last_leader = 0
        self._calls = 0  # counts calls by leaders; what the watchdog compares
        self._in_call = 0  # value of _calls while a leader is in a call, else 0
        self._batches = 0
        self._others = []
        self._current = [0] * (threads + 1)  # by thread number, the request that it has begun
        self._parted = {}  # request -> the answer in parts, or of a coroutine, that it gets; guarded by _part_lock, as is _cancelled
        self._cancelled = set()  # requests begun, and cancelled before their answer stood in _parted
        self._part_lock = threading.Lock()
        self._slow_until = 0.0
        self.slow_s = SLOW_S
        self.is_computing = False  # it waits for nothing: only CPU time makes a call slow
        self._stopping = False
        self._watch_asleep = False
        self._watch_wake = threading.Event()

    def run(self):
        """Returns after SHUTDOWN, when all calls are done. Leaves the process when the engine goes."""
        if self._threads > 1:
            threading.Thread(target=self._watch, name="processor-watch", daemon=True).start()
        for _ in range(1, self._threads):
            self._add_thread()
        self._work(0)
        for thread in self._others:
            thread.join()
        if self._parted:
            from . import coroutines

            coroutines.shared_loop().drain()

    def _add_thread(self):
        number = len(self._others) + 1
        thread = threading.Thread(target=self._work, args=(number,), name="processor-%d" % number, daemon=True)
        self._others.append(thread)
        thread.start()

    def _work(self, number):
        try:
            while True:
                self._lead.acquire()
                if self._stopping:
                    self._lead.release()
                    return
                with self._hand_lock:
                    self._last_leader += 1
                    mine = self._leader = self._last_leader
                self._lead_until_lost(mine, number)
        except (OSError, frames.BrokenPeer) as error:
            if isinstance(error, frames.BrokenPeer):
                log.line("the engine sent %s" % error)
            leave()
        except BaseException as error:
            # A bug of ours, or raised by a signal handler of the processor: the engine sees the process die, answers 500 and starts another.
            log.trace(error)
            os._exit(70)

    def _hand_over(self, leader):
        """Lets another thread lead, and sends what was gathered. Only the first caller for one leadership does it."""
        with self._hand_lock:
            if self._leader != leader:
                return
            self._leader = 0
            out, self._out = self._out, []
            self._lead.release()
        if out:
            self.send(out)

    def _lead_until_lost(self, mine, number):
        pending = self._pending
        current = self._current
        now = time.monotonic
        spent = time.thread_time if self.is_computing else None
        hand_lock = self._hand_lock
        while self._leader == mine:
            try:
                kind, request_id, payload = pending.popleft()
            except IndexError:
                self._read_more(mine)
                continue
            if kind in _ASKING:
                started = now()
                began = spent() if spent else 0.0
                current[number] = request_id
                if started < self._slow_until and self._threads > 1:
                    self._hand_over(mine)
                else:
                    self._calls = self._in_call = self._calls + 1
                parts = self._answer(kind, request_id, payload, started)
                if is_stray:
                    log.line("a process that the processor forked has returned from process: it ends here")
                    os._exit(0)
                if type(parts) is Stream:
                    self._run_stream(mine, parts)
                    current[number] = 0
                    return
                ended = now()
                current[number] = 0
                if self._cancelled:
                    self._forget(request_id)
                if (spent() - began if spent else ended - started) > self.slow_s:
                    self._slow_until = ended + SLOW_MEMORY_S
                with hand_lock:
                    if self._leader == mine:
                        self._in_call = 0
                        self._out.extend(parts)
                        continue
                if parts:
                    self.send(parts)
                return
            if kind == frames.CANCEL:
                self._cancel(request_id)
            elif kind == frames.CREDIT:
                parted = self._parted.get(request_id)
                if parted is not None:
                    parted.credit(frames.credit_of(payload))
            elif kind == frames.SHUTDOWN:
                self._stopping = True
                self._hand_over(mine)
                return
            else:
                raise frames.BrokenPeer("a frame of type 0x%02x" % kind)

    def _read_more(self, mine):
        with self._hand_lock:
            if self._leader != mine:
                return
            out, self._out = self._out, []
        if out:
            self.send(out)
        with self._read_lock:
            if self._leader == mine and not self._pending:
                if not self._reader.read(self._pending):
                    leave()
                self._batches += 1
                if self._watch_asleep:
                    self._watch_wake.set()

    def _cancel(self, request_id):
        """A request that no thread has begun is dropped; one that has begun, or is in a batch, is answered to nobody.

        A batch comes only when a thread is free for it, so it hardly ever waits here.
        """
        for frame in list(self._pending):
            if frame[1] == request_id and frame[0] in _ASKING:
                try:
                    self._pending.remove(frame)
                    self.send([frames.encode_error(request_id, 408, "cancelled")])
                except ValueError:
                    pass
                return
        with self._part_lock:
            parted = self._parted.get(request_id)
            if parted is None and request_id in self._current:
                self._cancelled.add(request_id)
        if parted is not None:
            parted.cancel()

    def _forget(self, request_id):
        with self._part_lock:
            if request_id not in self._parted:
                self._cancelled.discard(request_id)

    def _run_stream(self, mine, stream):
        """In this thread. One more makes sure that somebody reads credit and cancellations while all threads are at streams."""
        self._hand_over(mine)
        with self._hand_lock:
            if len(self._others) < self._threads:
                self._add_thread()
        stream.run()

    def join(self, request_id, parted):
        """From here on `parted` is told of credit and of a cancellation."""
        with self._part_lock:
            self._parted[request_id] = parted
            if request_id not in self._cancelled:
                return
            self._cancelled.discard(request_id)
        parted.cancel()

    def part(self, request_id):
        """Its last frame is about to be sent."""
        with self._part_lock:
            self._parted.pop(request_id, None)

    def send(self, parts):
        """Sends all of it; short parts in one write."""
        with self._send_lock:
            if len(parts) == 1:
                self._sock.sendall(parts[0])
                return
            short = []
            for part in parts:
                if len(part) > messages.COPY_BYTES_MAX:
                    if short:
                        self._sock.sendall(b"".join(short))
                        short = []
                    self._sock.sendall(part)
                else:
                    short.append(part)
            if short:
                self._sock.sendall(b"".join(short))

    def _answer(self, kind, request_id, payload, now):
        """The frames to send; nothing when they come by themselves, or a Stream that is to be run."""
        if kind == frames.BATCH:
            return self._answer_batch(payload, now)
        head = None
        try:
            if kind == frames.DESCRIBE:
                result = (self._describe(), 200, {"content-type": "application/json"})
            elif payload is None:
                raise MemoryError("no room for the request body")
            else:
                front = payload if type(payload) is bytes else payload[0]
                if kind == _TIMED:
                    deadline, head_to = unpack_timed(front)
                    if deadline < now:
                        return (frames.encode_error(request_id, 408, "too late"),)
                    start = _TIMED_BYTES
                else:
                    deadline = None
                    start = 2
                    head_to = frames.unpack_head_length(front)[0]
                head_to += start
                body = front[head_to:] if front is payload else payload[1]
                head = front[start:head_to]
                result = self._call(body, head, deadline)
            if type(result) is not bytes:
                found = streams.split(result)
                if found is not None:
                    return self._parts_of(request_id, *found)
            return messages.encode_answer(request_id, result)
        except BaseException as error:  # also SystemExit: one request must not end the worker
            payload = body = None
            return self.refusal(request_id, error, None if head is None else messages.Headers(head))

    def _parts_of(self, request_id, items, rest):
        if not streams.is_awaited(items):
            return streams.Stream(self, request_id, items, rest)
        from . import coroutines

        answer = coroutines.AsyncAnswer(self, request_id, items, rest)
        self.join(request_id, answer)
        answer.start()
        return ()

    def refusal(self, request_id, error, headers=None):
        """What goes to the client, and to the log, for an exception; the log names the request by the id that the client knows it by."""
        name = None if headers is None else headers.get("x-request-id")
        if name is not None:
            log.line("request %s:" % name)
        if isinstance(error, messages.BadAnswer):
            status, text = 500, str(error)
            log.line(text)
        else:
            status, text = (500, self._out_of_memory) if isinstance(error, MemoryError) else (400, one_line(error))
            log.trace(error)
        return (frames.encode_error(request_id, status, text),)

    def _answer_batch(self, payload, began):
        """Each request of a batch gets an answer of its own, in their order."""
        ids, bodies, heads, parts = [], [], [], []
        for request_id, left_ms, front in frames.batch_rows(payload):
            start = frames.unpack_head_length(front)[0] + 2
            ids.append(request_id)
            bodies.append(front[start:])
            heads.append(messages.Headers(front[2:start], began + left_ms / 1000.0))
        payload = None
        for request_id, answer, head in zip(ids, self._answers_of(bodies, heads), heads):
            parts.extend(self._encode_row(request_id, answer, head))
        return parts

    def _answers_of(self, bodies, heads):
        """As many answers as requests. When a batch fails as a whole, each request is tried alone: one of them must not fail the others."""
        if not bodies:
            return []
        try:
            answers = list(streams.finished(self._call_batch(bodies, heads)))
            if len(answers) != len(bodies):
                raise messages.BadAnswer("process_batch returned %d answers to %d requests" % (len(answers), len(bodies)))
            return answers
        except messages.BadAnswer as error:
            return [error] * len(bodies)
        except BaseException as error:
            if len(bodies) == 1:
                return [error]
        return [self._answers_of([body], [head])[0] for body, head in zip(bodies, heads)]

    def _encode_row(self, request_id, answer, head):
        if isinstance(answer, BaseException):
            return self.refusal(request_id, answer, head)
        try:
            return messages.encode_answer(request_id, answer)
        except BaseException as error:
            return self.refusal(request_id, error, head)

    def _watch(self):
        idle = 0
        last_batches = -1
        last_call = 0
        poller = select.poll()
        poller.register(self._sock, _POLL_GONE)
        while not self._stopping:
            time.sleep(TICK_S)
            if self._leader == 0 and any(event & _POLL_GONE for _, event in poller.poll(0)):
                leave()
            call = self._in_call
            if call and call == last_call:
                leader = self._leader
                if leader and self._in_call == call:
                    self._in_call = 0
                    self._hand_over(leader)
            last_call = call
            if self._batches != last_batches or call or self._leader == 0:
                last_batches = self._batches
                idle = 0
                continue
            idle += 1
            if idle > IDLE_TICKS:
                self._watch_wake.clear()
                self._watch_asleep = True
                if self._batches == last_batches:
                    self._watch_wake.wait()
                self._watch_asleep = False
                idle = 0


def one_line(error):
    """`Type: message` in one line of at most 2000 characters: what a client may see of an exception."""
    try:
        text = " ".join(str(error).split())[:2000]
    except Exception:  # an error of the processor's own may fail here, too
        text = ""
    return "%s: %s" % (type(error).__name__, text) if text else type(error).__name__
