"""Serves one ready-made model: the Open Inference Protocol on its paths, the family's own format on all others."""
import json
import math

from . import model as models
from .inference_protocol import InferenceProtocol, is_ours


def serve(worker):
    """From INIT on: loads the model of a ready-made processor, and serves it until told to stop."""
    init = worker.init
    spec = init["model"]
    path = spec["entry"] or spec["path"]
    cores = max(1, math.ceil(init["limits"]["cpu"]))
    processor = init["processor"]
    config = config_of(spec["config"])
    loaded = models.load(processor["family"], path, config, worker.progress, cores, worker.imported, processor.get("gpus"))
    facts = {"library": loaded.library, "note": loaded.note}
    protocol = InferenceProtocol(loaded, init)
    worker.serve_ready(lambda body, headers: answer(loaded, protocol, body, headers), loaded.describe, facts)


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
    if is_ours(headers.target):
        return protocol.answer(body, headers)
    try:
        if len(body) == 0:
            return loaded.describe()
        return loaded.process(body, headers)
    except models.BadInput as error:
        # Half a surrogate pair, which JSON can say, is nothing that UTF-8 can.
        return str(error)[: models.TEXT_MAX].encode("utf-8", "replace").decode("utf-8"), 400
    except RecursionError:
        return "the body is nested too deeply", 400
