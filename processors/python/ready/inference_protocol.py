"""The Open Inference Protocol v2 over HTTP (kserve/open-inference-protocol), with Triton's binary tensor data extension.

One service is one model: it is called by the service's name, by that of its group, or by that of its file. gRPC is translated by the engine into the
form with binary tensors, so this is all there is to it.
"""
import json
import os
import traceback
import urllib.parse
import zlib

from . import json_fields, tensors
from .batches import alone
from .model import TEXT_MAX, BadInput

PREFIX = "/v2"
_LENGTH_FIELD = "inference-header-content-length"
#: What a compressed request may become: as much as a frame holds.
BODY_BYTES_MAX = 256 * 1024 * 1024


def body_bytes_max(limits):
    """What one compressed request may become. Where a control group holds the memory of the instance, going beyond it would end the worker, so it is
    a quarter of that at most, as the engine has it for bodies."""
    if not limits.get("isMemoryHeld"):
        return BODY_BYTES_MAX
    return min(BODY_BYTES_MAX, limits["memoryMb"] * 1024 * 1024 // 4)


class Refusal(Exception):
    """Another status than 400."""

    def __init__(self, status, text, headers=None):
        Exception.__init__(self, text)
        self.status = status
        self.headers = headers or {}


def is_ours(path):
    """True for the protocol's paths; all others are the family's own."""
    return path.startswith(PREFIX) and path[3:4] in ("", "/", "?")


class InferenceProtocol:
    """Answers the protocol's requests for one loaded model. `init` is that of the engine."""

    def __init__(self, loaded, init):
        self._model = loaded
        self._version = str(init.get("version", 1))
        self._server_version = init.get("sluice") or ""
        self._service = init.get("service") or "model"
        self._body_bytes_max = body_bytes_max(init.get("limits", {}))
        spec = init["model"]
        file = os.path.basename((spec["entry"] or spec["path"] or "").rstrip("/"))
        self._names = {self._service, init.get("group") or "", file, os.path.splitext(file)[0]} - {""}
        self._inputs = {spec.name: spec for spec in loaded.inputs}
        only = loaded.inputs[0] if len(loaded.inputs) == 1 else None
        self._only = only.name if only is not None and only.takes_any_name else None
        self._outputs = {spec.name: spec for spec in loaded.outputs}

    def answer(self, body, headers):
        """What a request gets, as a processor returns it; every refusal is `{"error": …}`."""
        return alone(self.steps(body, headers))

    def steps(self, body, headers):
        """The same as a generator of calls (batches.py)."""
        try:
            return (yield from self._route(body, headers))
        except Refusal as refusal:
            return {"error": str(refusal)}, refusal.status, refusal.headers
        except BadInput as error:
            return {"error": str(error)[:TEXT_MAX]}, 400
        except RecursionError:
            return {"error": "the body is nested too deeply"}, 400
        except MemoryError:
            raise  # the client is told of metadata.memory
        except Exception as error:
            traceback.print_exc()
            return {"error": "%s: %s" % (type(error).__name__, " ".join(str(error).split())[:2000])}, 400

    def _route(self, body, headers):
        path = headers.path.partition("?")[0]
        steps = [urllib.parse.unquote(step) for step in path.strip("/").split("/")][1:]
        if steps == ["health", "live"]:
            return self._get(headers, {"live": True})
        if steps == ["health", "ready"]:
            return self._get(headers, {"ready": True})
        if not steps:
            facts = {"name": "sluice", "version": self._server_version, "extensions": ["binary_tensor_data"]}
            return self._get(headers, facts)
        if steps[0] != "models" or len(steps) < 2:
            raise self._no_such(path)
        name, rest = steps[1], steps[2:]
        if name not in self._names:
            raise Refusal(404, 'unknown model "%s"; this service has "%s"' % (name, self._service))
        if len(rest) > 1 and rest[0] == "versions":
            if rest[1] != self._version:
                raise Refusal(404, 'unknown version "%s" of model "%s"; there is "%s"' % (rest[1], name, self._version))
            rest = rest[2:]
        if rest == []:
            return self._get(headers, self._metadata(name))
        if rest == ["ready"]:
            return self._get(headers, {"name": name, "ready": True})
        if rest != ["infer"]:
            raise self._no_such(path)
        if headers.method != "POST":
            raise Refusal(405, "%s is not for this path; allowed: POST" % headers.method, {"allow": "POST"})
        return (yield from self._infer(name, body, headers))

    @staticmethod
    def _get(headers, facts):
        if headers.method not in ("GET", "HEAD"):
            raise Refusal(405, "%s is not for this path; allowed: GET" % headers.method, {"allow": "GET"})
        return facts

    @staticmethod
    def _no_such(path):
        return Refusal(404, "no such path of the Open Inference Protocol: %s" % path)

    def _metadata(self, name):
        loaded = self._model
        return {
            "name": name,
            "versions": [self._version],
            "platform": loaded.platform or loaded.family,
            "inputs": [spec.json() for spec in loaded.inputs],
            "outputs": [spec.json() for spec in loaded.outputs],
        }

    def _infer(self, name, body, headers):
        request, binary = split(decoded(body, headers.get("content-encoding"), self._body_bytes_max), headers.get(_LENGTH_FIELD))
        request_id = _typed(request, "id", str, "a string", None)
        parameters = _parameters(request, "the request")
        wanted = self._wanted(request, _flag(parameters, "binary_data_output", "the request", False))
        inputs = self._read_inputs(request, binary)
        results = yield from self._model.infer_steps(inputs, None if wanted is None else [output for output, _ in wanted])
        if wanted is None:
            is_binary = _flag(parameters, "binary_data_output", "the request", False)
            # Where the model has not told its outputs ahead, they are those of the answer.
            wanted = [(output, is_binary) for output in self._outputs or results if output in results]
        answer = {"model_name": name, "model_version": self._version}
        if request_id is not None:
            answer["id"] = request_id
        outputs, parts = [], []
        for output, is_binary in wanted:
            spec = self._outputs.get(output)
            datatype = _datatype_of(output, results[output]) if spec is None else spec.datatype
            array = tensors.result_of(results[output], datatype)
            told = {"name": output, "datatype": datatype, "shape": list(array.shape)}
            if is_binary:
                parts.append(tensors.bytes_of(array, datatype))
                told["parameters"] = {"binary_data_size": len(parts[-1])}
            else:
                told["data"] = tensors.json_of(output, array, datatype)
            outputs.append(told)
        answer["outputs"] = outputs
        text = json.dumps(answer).encode("utf-8")
        if not any(is_binary for _, is_binary in wanted):
            return text, 200, {"content-type": "application/json"}
        told = {"content-type": "application/octet-stream", "inference-header-content-length": len(text)}
        return b"".join([text] + parts), 200, told

    def _wanted(self, request, is_binary):
        """[(output, as binary data)], or None for all."""
        listed = request.get("outputs")
        if listed is None or listed == []:
            return None
        wanted = []
        for i, item in enumerate(_typed(request, "outputs", list, "a list", [])):
            output = _name(item, "outputs[%d]" % i)
            where = 'output "%s"' % output
            if self._outputs and output not in self._outputs:
                raise BadInput('unknown output "%s"; allowed: %s' % (output, _listed(self._outputs)))
            if any(output == known for known, _ in wanted):
                raise BadInput("%s comes twice" % where)
            parameters = _parameters(item, where)
            _refuse_extensions(parameters, where)
            wanted.append((output, _flag(parameters, "binary_data", where, is_binary)))
        return wanted

    def _read_inputs(self, request, binary):
        listed = _typed(request, "inputs", list, "a list of tensors", None)
        if listed is None:
            raise BadInput("inputs: nothing; allowed: a list of tensors")
        arrays = {}
        at = 0
        for i, item in enumerate(listed):
            name = _name(item, "inputs[%d]" % i)
            if name not in self._inputs and self._only is not None and not arrays:
                name = self._only
            if name not in self._inputs:
                raise BadInput('unknown input "%s"; allowed: %s' % (name, _listed(self._inputs)))
            where = 'input "%s"' % name
            if name in arrays:
                raise BadInput("%s comes twice" % where)
            parameters = _parameters(item, where)
            _refuse_extensions(parameters, where)
            size = parameters.get("binary_data_size")
            if size is None:
                arrays[name] = self._tensor(where, self._inputs[name], item, None)
                continue
            if type(size) is not int or not 0 <= size <= len(binary) - at:
                raise BadInput("%s: binary_data_size is %.40r; allowed here: 0 to %d" % (where, size, len(binary) - at))
            arrays[name] = self._tensor(where, self._inputs[name], item, binary[at : at + size])
            at += size
        if at != len(binary):
            raise BadInput("%d bytes of binary data are left behind the inputs; sizes are binary_data_size of each" % (len(binary) - at))
        for name, spec in self._inputs.items():
            if name not in arrays and not spec.is_optional:
                raise BadInput('input "%s" is missing' % name)
        return arrays

    @staticmethod
    def _tensor(where, spec, item, binary):
        datatype = item.get("datatype")
        if datatype != spec.datatype and datatype not in spec.also:
            found = "no datatype" if datatype is None else "datatype %.20s" % (datatype,)
            raise BadInput("%s has %s; allowed: %s" % (where, found, ", ".join((spec.datatype, *spec.also))))
        shape = tensors.shape_of(where, item.get("shape"))
        if not fits(shape, spec.shape):
            raise BadInput("%s has shape %s; allowed: %s" % (where, tensors.shape_text(shape), tensors.shape_text(spec.shape)))
        if binary is None:
            array = tensors.array_of(where, datatype, shape, item.get("data"))
        elif "data" in item:
            raise BadInput("%s has data and binary_data_size; allowed: one of them" % where)
        else:
            array = tensors.array_of_bytes(where, datatype, shape, binary)
        return array if datatype == spec.datatype else tensors.converted(array, spec.datatype)


def fits(shape, wanted):
    """Whether a shape is one that a TensorSpec allows."""
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(want in (-1, length) for want, length in zip(wanted, shape))


def decoded(body, encoding, bytes_max=BODY_BYTES_MAX):
    """The body of a request that its client compressed, as tritonclient can."""
    if encoding is None or encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise BadInput("content-encoding is %.40s; allowed: gzip, deflate" % encoding)
    reader = zlib.decompressobj(wbits=47)
    try:
        whole = reader.decompress(body, bytes_max)
    except zlib.error as error:
        raise BadInput("the body is not %s: %s" % (encoding, error))
    if reader.unconsumed_tail:
        raise BadInput("the body is more than %d bytes when decompressed" % bytes_max)
    if not reader.eof:
        raise BadInput("the body is not %s: it is cut off" % encoding)
    return whole


def split(body, length):
    """The JSON object of a request, and the binary data behind it."""
    body = memoryview(body)
    size = len(body)
    if length is not None:
        if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > len(body):
            raise BadInput("Inference-Header-Content-Length is %.40s; allowed: 0 to %d" % (length, len(body)))
        size = int(length)
    try:
        request = json.loads(str(body[:size], "utf-8"), object_pairs_hook=_once)
    except RecursionError:
        raise BadInput("the body is nested too deeply")
    except UnicodeDecodeError as error:
        raise BadInput("the body is not JSON: byte %d is no UTF-8" % error.start)
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(json_fields.problem(error))
    if not isinstance(request, dict):
        raise BadInput("the body is %s; allowed: a JSON object" % tensors.kind_of(request))
    return request, body[size:]


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadInput('"%.100s" comes twice in one object' % json_fields.repeated(pairs))
    return found


def _datatype_of(output, array):
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise BadInput("output %.100s is %s, for which the Open Inference Protocol has no datatype" % (output, array.dtype.name))
    return tensors.datatype_of(array.dtype)


def _typed(item, name, kind, allowed, default):
    value = item.get(name)
    if value is None:
        return default
    if type(value) is not kind:
        raise BadInput("%s is %s; allowed: %s" % (name, tensors.kind_of(value), allowed))
    return value


def _name(item, where):
    if type(item) is not dict:
        raise BadInput("%s is %s; allowed: an object" % (where, tensors.kind_of(item)))
    name = item.get("name")
    if type(name) is not str:
        raise BadInput("%s: name is %s; allowed: a string" % (where, tensors.kind_of(name)))
    return name


def _parameters(item, where):
    parameters = item.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise BadInput("%s: parameters is %s; allowed: an object" % (where, tensors.kind_of(parameters)))
    return parameters


def _flag(parameters, name, where, default):
    value = parameters.get(name)
    if value is None:
        return default
    if type(value) is not bool:
        raise BadInput("%s: %s is %s; allowed: true or false" % (where, name, tensors.kind_of(value)))
    return value


def _refuse_extensions(parameters, where):
    for name in ("shared_memory_region", "classification"):
        if name in parameters:
            raise BadInput("%s has the parameter %s, an extension that is not offered here; offered: binary_tensor_data" % (where, name))


def _listed(names):
    shown = ['"%s"' % name for name in list(names)[:20]]
    return ", ".join(shown) + (" and %d more" % (len(names) - 20) if len(names) > 20 else "")
