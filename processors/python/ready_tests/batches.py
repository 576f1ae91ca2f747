"""Requests to a model in batches, beside the same one by one."""
import json
import re

from allspark.messages import Headers, encode_answer
from ready import service
from ready.batches import Batches
from ready.inference_protocol import InferenceProtocol

INIT = {"service": "svc", "version": 1, "sluice": "9.9", "model": {"path": "/m/model", "entry": None, "config": None}}
#: Numbers with a fraction: of these a library may round the last digit otherwise when it sums many rows at once.
_FRACTION = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


class Counting(Batches):
    """`sizes`: of the calls that several requests shared."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def _joined(self, calls):
        found = super()._joined(calls)
        if found[0] is not None:
            self.sizes.append(len(calls))
        return found


def tensors(inputs, name="svc", **more):
    """A request of the Open Inference Protocol as JSON: `inputs` are (name, datatype, array as lists, shape)."""
    listed = [{"name": n, "datatype": t, "shape": s, "data": data} for n, t, data, s in inputs]
    return (json.dumps({"inputs": listed, **more}).encode(), "/v2/models/%s/infer" % name)


def own(value):
    """A request in the format of the family: bytes, or what becomes JSON."""
    return (value if isinstance(value, bytes) else json.dumps(value).encode(), "/")


def check(case, model, asked, sizes):
    """Each request is answered in one batch with all others as it is alone. `sizes`: how many share each of the calls that are shared."""
    case.assertEqual(model.batch_problem(), "")
    protocol = InferenceProtocol(model, INIT)
    heads = [Headers(("POST %s\n" % path).encode()) for _, path in asked]
    alone = [_answered(lambda: service.answer(model, protocol, body, head)) for (body, _), head in zip(asked, heads)]
    batches = Counting()
    found = batches.answers([service.steps(model, protocol, body, head) for (body, _), head in zip(asked, heads)])
    for number, (wanted, answer) in enumerate(zip(alone, found)):
        _compare(case, _answered(lambda: answer), wanted, "request %d" % number)
    case.assertEqual(batches.sizes, sizes)
    return found


def _answered(answer):
    """Status, head and body as they are sent; or the error that becomes 400."""
    try:
        found = answer()
    except Exception as error:
        found = error
    if isinstance(found, Exception):
        return repr(found)
    return b"".join(encode_answer(1, found)).decode("latin-1")


def _compare(case, found, wanted, where):
    if found == wanted:
        return
    case.assertEqual(_FRACTION.sub("", found[4:]), _FRACTION.sub("", wanted[4:]), where)
    for a, b in zip(_FRACTION.findall(found), _FRACTION.findall(wanted)):
        case.assertAlmostEqual(float(a), float(b), delta=1e-5 * max(1, abs(float(b))), msg=where)
