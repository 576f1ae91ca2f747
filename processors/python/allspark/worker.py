"""A worker process: connects to its engine, loads the user's processor, serves until told to stop."""
import inspect
import json
import os
import platform
import signal
import socket
import sys
import time

from . import frames, loading, log, processor, serving, sharing, streams
from .limits import die_with_parent, limit_memory
from .messages import Headers

_current = None


def current():
    """The worker that this process is, or None in a local test without an engine."""
    return _current


class Worker:
    """From the connection to the engine until READY; then hands over to Serving."""

    def __init__(self, path):
        self.init = None
        self.served = False
        self._begun = 0.0
        self._stages = []
        self._connect(path)

    def _connect(self, path):
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(None)  # whatever the processor has set as default
        self._sock.connect(path)
        self._reader = frames.FrameReader(self._sock)
        self._frames = []

    def read_init(self):
        if not self._reader.read(self._frames):
            serving.leave()
        kind, _, payload = self._frames.pop(0)
        if kind != frames.INIT:
            raise frames.BrokenPeer("a frame of type 0x%02x before INIT" % kind)
        self.init = json.loads(bytes(payload))
        self._begun = time.monotonic()
        if self.init.get("protocol") != frames.PROTOCOL:
            raise frames.BrokenPeer("protocol %r; this worker speaks %d" % (self.init.get("protocol"), frames.PROTOCOL))

    def progress(self, text):
        """Shown as the instance's state while it loads; nothing once it serves."""
        if not self.served:
            self._sock.sendall(frames.encode(frames.PROGRESS, 0, str(text)[:500].encode("utf-8", "replace")))

    def imported(self):
        """All modules are here, and loading of the model begins: told in READY, beside the time that loading takes."""
        if not self._stages:
            self._stages.append({"name": "import", "ms": round((time.monotonic() - self._begun) * 1000, 1)})

    def serve_processor(self, instance):
        """`BaseProcessor.run` under an engine."""
        self.imported()
        self.progress("initializing %s" % type(instance).__name__)
        streams.finished(instance.initialize())
        threads = self.init["rpc"]["workerThreads"]
        if instance.worker_threads:
            processor.default_properties().put("rpc.worker_threads", instance.worker_threads)
        if instance.worker_processes:
            processor.default_properties().put("rpc.worker_processes", instance.worker_processes)
        process = instance.process
        call_batch = None
        if callable(instance.process_batch):
            call_batch = lambda bodies, _heads: instance.process_batch(bodies)  # noqa: E731
        self._serve(
            lambda body, _head, _deadline: process(body), lambda: processor.json_text(instance.describe()), threads, call_batch
        )

    def serve_functions(self, module):
        """The short form: `process(data, headers)`, and `initialize` and `describe` when there."""
        entry = self.init["processor"]["entry"]
        self.imported()
        if hasattr(module, "initialize"):
            self.progress("initializing %s" % entry)
        call, describe = functions_of(module, self.init["model"], entry)
        call_batch = batch_function_of(module)
        self._serve(call, lambda: processor.json_text(describe()), self.init["rpc"]["workerThreads"], call_batch)

    def serve_ready(self, process, describe, facts, process_batch):
        """A ready-made processor: `process(body, headers)`, and `process_batch(bodies, heads)` or None. `facts` go with READY: `library` and `note`."""
        call = lambda body, head, deadline: process(body, Headers(head, deadline))  # noqa: E731
        threads = self.init["rpc"]["workerThreads"]
        self._serve(call, lambda: processor.json_text(describe()), threads, process_batch, facts)

    def _serve(self, call, describe, threads, call_batch, facts=None):
        rpc = rpc_set_in_code()
        # The engine sends at most as many at once as the spec says, or code when the spec is silent.
        threads = max(threads, rpc.get("workerThreads", 0))
        memory_mb = self.init["limits"]["memoryMb"]
        out_of_memory = "the processor ran out of memory for this request; metadata.memory is %g MB" % memory_mb
        ready = {"pid": os.getpid(), "runtime": "python " + platform.python_version(), "rpc": rpc, "features": ["deadline"]}
        if self._stages:
            ready["stages"] = self._stages
        ready.update(facts or {})
        if call_batch is not None:
            ready["batch"] = True
            if self.init["rpc"].get("batching"):
                # A request alone, as in a warm-up, takes the way of all others.
                call = lambda body, head, deadline: only_answer(call_batch, body, Headers(head, deadline))  # noqa: E731
        self._share(rpc)
        ready["pid"] = os.getpid()
        self._sock.sendall(frames.encode(frames.READY, 0, json.dumps(ready).encode()))
        self.served = True
        server = serving.Serving(self._sock, self._reader, call, describe, threads, out_of_memory, call_batch)
        if facts is not None:
            server.slow_s, server.is_computing = serving.READY_SLOW_S, True
        for frame in self._frames:
            server._pending.append(frame)
        server.run()

    def _forked(self):
        """In a child that the processor has forked: the engine's connection is not its own. A copy that stays open would also hide our end."""
        serving.is_stray = True
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, self._sock.fileno(), inheritable=False)
        os.close(null)

    def _share(self, rpc):
        """Where several processes are wanted and the processor can be shared, only forked children return from here, each with its own connection."""
        wanted = self.init["rpc"].get("workerProcesses") or rpc.get("workerProcesses", 1)
        if wanted == 1 or "fork" not in self.init.get("features", ()):
            return
        if not sharing.is_single_threaded():
            log.line("the processor has started threads while loading, so each worker process loads it for itself")
            return
        self._sock.sendall(frames.encode(frames.LOADED, 0, json.dumps({"pid": os.getpid(), "rpc": rpc, "stages": self._stages}).encode()))
        path = sharing.fork_when_asked(self._sock, self._reader, self._frames)
        self._connect(path)
        self.read_init()

    def fail(self, message):
        self._sock.sendall(frames.encode(frames.FAILED, 0, json.dumps({"message": message}).encode()))


def rpc_set_in_code():
    """Options of `metadata.rpc` that code has set, by the engine's names; what is no number is left out."""
    names = {"worker_threads": "workerThreads", "max_queue_size": "maxQueueSize", "keepalive": "keepaliveMs", "worker_processes": "workerProcesses"}
    found = {}
    for key, value in processor.default_properties().items():
        name = names.get(key[4:] if key.startswith("rpc.") else key)
        try:
            number = int(value)
        except (TypeError, ValueError):
            continue
        if name and number > 0:
            found[name] = number
    return found


def _takes_headers(function):
    """Whether a function of the short form has the parameter `headers`."""
    try:
        inspect.signature(function).bind(b"", {})
        return True
    except TypeError:
        return False
    except ValueError:
        return True  # a builtin without a signature


def functions_of(module, model, entry):
    """`(call, describe)` of a file in the short form, after its `initialize`. `call` takes body and head as bytes, and the deadline or None."""
    process = getattr(module, "process", None)
    if hasattr(module, "initialize"):
        streams.finished(module.initialize(model["entry"] or model["path"], model["config"]))
    call_batch = batch_function_of(module)
    if not callable(process):
        call = lambda body, head, deadline: only_answer(call_batch, body, Headers(head, deadline))  # noqa: E731
    elif _takes_headers(process):
        call = lambda body, head, deadline: process(body, Headers(head, deadline))  # noqa: E731
    else:
        call = lambda body, _head, _deadline: process(body)  # noqa: E731
    describe = getattr(module, "describe", None)
    default = {"processor": "custom", "language": "python", "entry": entry}
    return call, describe or (lambda: default)


def only_answer(call_batch, body, head):
    """That of a batch of one."""
    return processor.only_answer(streams.finished(call_batch([body], [head])))


def batch_function_of(module):
    """`process_batch` of a file in the short form, called with bodies and Headers, or None."""
    process_batch = getattr(module, "process_batch", None)
    if not callable(process_batch):
        return None
    if _takes_headers(process_batch):
        return process_batch
    return lambda bodies, _heads: process_batch(bodies)


def is_short_form(module):
    """The file has a function that answers requests."""
    return callable(getattr(module, "process", None)) or batch_function_of(module) is not None


def load_and_serve(worker):
    """Runs the user's file; a class form calls `run()` in it, the short form is served after it."""
    spec = worker.init["processor"]
    if spec["kind"] == "builtin":
        from ready import service

        service.serve(worker)
        return
    os.chdir(spec["dir"])
    worker.progress("running %s" % spec["entry"])
    module = loading.run(os.path.join(spec["dir"], spec["entry"]))
    if worker.served:
        return
    if is_short_form(module):
        worker.serve_functions(module)
    elif loading.processor_class(module):
        loading.processor_class(module)().run()
    else:
        raise loading.nothing_to_serve(spec["entry"])


def main():
    """Connects, loads, serves; exit codes: 0 told to stop, 1 could not load."""
    global _current
    path = os.environ.get("SLUICE_WORKER_SOCKET")
    if not path:
        sys.exit("SLUICE_WORKER_SOCKET is not set; run the processor file itself for a local test")
    # Only the engine ends this process: a signal to the whole process group must not cut short what is in flight.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    sys.stdout.reconfigure(line_buffering=True)
    sys.stderr.reconfigure(line_buffering=True)
    worker = _current = Worker(path)
    os.register_at_fork(after_in_child=worker._forked)
    worker.read_init()
    init = worker.init
    folder = os.path.abspath(init["processor"].get("dir") or os.path.dirname(os.path.dirname(__file__)))
    processor.set_model(init["model"])
    try:
        if not init["limits"].get("isMemoryHeld"):
            limit_memory(init["limits"]["memoryMb"], init["rpc"]["workerThreads"] + 2)
        load_and_serve(worker)
    except BaseException as error:
        if worker.served:
            raise
        if isinstance(error, MemoryError):
            text = "the processor ran out of memory while loading; metadata.memory is %g MB" % init["limits"]["memoryMb"]
        else:
            text = loading.failure_text(error, folder)
        log.trace(error)
        worker.fail(text)
        log.flush()
        os._exit(1)
