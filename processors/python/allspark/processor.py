"""The interface that a custom processor is written against (eas-reference section 5.4)."""
import json
import os

from .messages import BadAnswer


class Properties:
    """Options set in code: `allspark.default_properties().put("rpc.keepalive", "10000")`."""

    def __init__(self):
        self._values = {}

    def put(self, key, value):
        self._values[str(key)] = value

    def get(self, key, default=None):
        return self._values.get(key, default)

    def items(self):
        return self._values.items()


_defaults = Properties()


def default_properties():
    """The one set of options of this process."""
    return _defaults


def progress(text):
    """Shows `text` as the state of the instance while it loads, e.g. "loading weights, 40 %"."""
    from . import worker

    current = worker.current()
    if current is None:
        print(text, flush=True)
    else:
        current.progress(text)


class ModelPath(str):
    """A path as text. `decode()` is there because existing processors call `get_model_path().decode()`."""

    def decode(self, *_unused):
        return str(self)


class BaseProcessor:
    """Derive from this, implement `process`, and call `run()` under `if __name__ == "__main__":`.

    `worker_threads` is how many calls of `process` may run at once. `io_threads`, `worker_processes` and
    `endpoint` are accepted so that existing files run; `endpoint` counts only in a local test, without an engine.
    """

    worker_threads = None
    io_threads = None
    worker_processes = None
    endpoint = None

    #: Optional: `process_batch(self, data)` with a list of bodies, which returns a list with the answer to each.
    process_batch = None

    def __init__(self, worker_threads=None, io_threads=None, worker_processes=None, endpoint=None, **options):
        self.worker_threads = worker_threads
        self.io_threads = io_threads
        self.worker_processes = worker_processes
        self.endpoint = endpoint
        for key, value in options.items():
            default_properties().put("rpc." + key if "." not in key else key, value)

    def initialize(self):
        """Called once before the first request. Raise here when the model cannot be loaded."""

    def pre_process(self, data):
        """For your own `process` to call; the engine never calls it."""
        return data

    def process(self, data):
        """One request. `data` is the body, as bytes. Return bytes or text, alone or as `(body, status)`."""
        if self.process_batch is None:
            raise NotImplementedError("%s has no process(self, data)" % type(self).__name__)
        return only_answer(self.process_batch([data]))

    def post_process(self, data):
        """For your own `process` to call; the engine never calls it."""
        return data

    def describe(self):
        """Answer to a GET: a dict or list, sent as JSON. Override it to tell callers your input and output."""
        return {"processor": "custom", "language": "python", "class": type(self).__name__}

    def get_model_path(self):
        """Path of the model file or folder (`model_path`), or "" when the service has none."""
        return ModelPath(_model().get("path") or "")

    def get_model_entry(self):
        """Path of the model's entry file (`model_entry`), or that of the model when none is given."""
        return ModelPath(_model().get("entry") or _model().get("path") or "")

    def get_model_config(self):
        """`model_config` of the service as text, or ""."""
        return _model().get("config") or ""

    def get_property(self, key, default=None):
        """An option of the service, or one that code has set."""
        return default_properties().get(key, default)

    def run(self):
        """Serves until the instance stops. Without an engine it serves HTTP on `endpoint`, for local tests."""
        from . import worker

        current = worker.current()
        if current is not None:
            current.serve_processor(self)
            return
        from . import local_server, streams

        streams.finished(self.initialize())
        endpoint = self.endpoint or local_server.ENDPOINT
        local_server.serve(lambda body, _head, _deadline: self.process(body), self.describe, endpoint, self.worker_threads)


def only_answer(answers):
    """That of a batch of one."""
    if len(answers) != 1:
        raise BadAnswer("process_batch returned %d answers to 1 request" % len(answers))
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


_model_spec = None


def set_model(model):
    """The model part of the engine's INIT frame."""
    global _model_spec
    _model_spec = model


def local_model():
    """The model of a local test, without an engine."""
    environ = os.environ
    path = environ.get("SLUICE_MODEL_PATH")
    return {"path": path, "entry": environ.get("SLUICE_MODEL_ENTRY", path), "config": environ.get("SLUICE_MODEL_CONFIG")}


def _model():
    return local_model() if _model_spec is None else _model_spec


def json_text(value):
    """Compact JSON of a description."""
    return json.dumps(value, default=str).encode("utf-8")
