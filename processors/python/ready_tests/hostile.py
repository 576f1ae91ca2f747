"""Bodies that are made to hurt, which every family refuses quickly, with a short sentence, and in little memory."""
import json
import sys
import time
import tracemalloc

from allspark import messages
from ready import inference_protocol, model, service

INIT = {"model": {"entry": "", "path": ""}, "service": "svc", "version": 1, "sluice": ""}
DEEP = b"[" * 900 + b"1" + b"]" * 900
MANY = b",".join(b'"k%d":1' % i for i in range(100_000))
BODIES = {
    "a field twice behind many": b"[{" + MANY + b',"k99999":1}]',
    "half a surrogate pair": b'[{"\\ud800":1}]',
    "half a surrogate pair as value": b'{"instances":[["\\ud800"]],"\\ud800":1}',
    "a long name": json.dumps([{"k" * 300_000: 1}]).encode(),
    "nested": DEEP,
    "nested within a row": b"[[1,2,3," + DEEP + b"]]",
    "nested within inputs": b'{"inputs":{"x":[[1,' + DEEP + b"]]}}",
    "never closed": b"[" * 100_000,
    "one long text among numbers": json.dumps([["x" * 1_000_000] + [1] * 500]).encode(),
    "one long text in instances": json.dumps({"instances": [["x" * 1_000_000] + [1] * 500]}).encode(),
    "a number of many digits": b"[[" + b"9" * 10_000 + b"]]",
}


def check(case, loaded):
    """`case` is the TestCase; `loaded` a model of any family."""
    protocol = inference_protocol.InferenceProtocol(loaded, INIT)
    for target in ("/", "/v2/models/svc/infer"):
        heads = [("POST %s\n" % target, body, name) for name, body in BODIES.items()]
        heads.append(("POST %s\ninference-header-content-length: \xb2\n" % target, b"{}", "a length of no ASCII digit"))
        for head, body, name in heads:
            with case.subTest(name, target=target):
                began = time.process_time()
                tracemalloc.start()
                try:
                    found = service.answer(loaded, protocol, body, messages.Headers(head.encode("latin-1")))
                    status, _, text = messages.answer_parts(found)
                    _, peak = tracemalloc.get_traced_memory()
                finally:
                    tracemalloc.stop()
                case.assertEqual(status, 400, text[:200])
                case.assertLess(len(text), model.TEXT_MAX + 100)
                case.assertNotIn(b"Error:", text)
                case.assertNotIn(b"sys.", text)
                if name == "a number of many digits":
                    # Some families take no JSON at all.
                    told = b"the body has a number with more than %d digits" % sys.get_int_max_str_digits()
                    case.assertTrue(told in text or b"the body is JSON" in text, text)
                case.assertLess(peak, 200_000_000)
                # Within seconds where the time grew with the square of the fields it was a minute.
                case.assertLess(time.process_time() - began, 20)
