"""Serves one ready-made model: the Open Inference Protocol on its paths, the family's own format on all others."""
import json
import math

from . import model as models
from .batches import Batches, alone
from .inference_protocol import InferenceProtocol, is_ours


def serve(worker):
    """From INIT on: loads the model of a ready-made processor, and serves it until told to stop."""
    init = worker.init
    spec = init["model"]
    path = spec["entry"] or spec["path"]
    # Its part of them, where several processes share the instance's.
    cores = max(1, math.ceil(init["limits"]["cpu"] / init["rpc"].get("workerProcesses", 1)))
    processor = init["processor"]
    config = config_of(spec["config"])
    loaded = models.load(processor["family"], path, config, worker.progress, cores, worker.imported, processor.get("gpus"))
    protocol = InferenceProtocol(loaded, init)
    answer_batch = None
    if init["rpc"].get("batching"):
        problem = loaded.batch_problem()
        if problem:
            loaded.note = "; ".join(filter(None, [loaded.note, "metadata.rpc.batching has no effect: %s" % problem]))
        else:
            batches = Batches()
            answer_batch = lambda bodies, heads: batches.answers([steps(loaded, protocol, *asked) for asked in zip(bodies, heads)])  # noqa: E731
    facts = {"library": loaded.library, "note": loaded.note}
    worker.serve_ready(lambda body, headers: answer(loaded, protocol, body, headers), loaded.describe, facts, answer_batch)


def config_of(text):
    """`model_config` as a dict; raises BadModel for text that is no JSON object."""
    if not text:
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise models.BadModel("model_config is not JSON: %s" % error)
    if not isinstance(config, dict):
        raise models.BadModel("model_config is %s; allowed: a JSON object" % type(config).__name__)
    return config


def answer(loaded, protocol, body, headers):
    """What a request gets; BadInput becomes 400 with its text."""
    return alone(steps(loaded, protocol, body, headers))


def steps(loaded, protocol, body, headers):
    """The same as a generator of calls (batches.py)."""
    if is_ours(headers.target):
        return (yield from protocol.steps(body, headers))
    try:
        if len(body) == 0:
            return loaded.describe()
        return (yield from loaded.steps(body, headers))
    except models.BadInput as error:
        # Half a surrogate pair, which JSON can say, is nothing that UTF-8 can.
        return str(error)[: models.TEXT_MAX].encode("utf-8", "replace").decode("utf-8"), 400
    except RecursionError:
        return "the body is nested too deeply", 400
