"""Reads the text form of a Caffe net (protobuf text format), as far as a service has to know it: inputs with their shapes, and outputs."""
import re

#: Deeper is no net.
_DEPTH_MAX = 50
_TOKEN = re.compile(r"""\s*(?:\#[^\n]*\s*)*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_][\w.]*|[-+]?[\w.][\w.+-]*|[{}<>:;,\[\]])""")



def _copy_name(top):
    return "copy of " + top


def _copy(top, layer='layer { name: "%s" type: "Power" bottom: "%s" top: "%s" }'):
    """A layer with the values of an output alone, in the form of nets since 2015. OpenCV gives the first output of a layer only, so one that has several gets such
    layers behind the net."""
    return "\n" + layer % (_copy_name(top), top, _copy_name(top))


def _old_copy(top):
    """The same in the form of before, which cannot stand in one net with it."""
    return _copy(top, 'layers { name: "%s" type: POWER bottom: "%s" top: "%s" }')


class PrototxtError(ValueError):
    """The text is no net; says what is wrong."""


class Net:
    """`inputs`: name -> shape; `tops`: name of each output of a layer -> name of the layer whose first output in OpenCV has its last value; `ends`: outputs
    that no layer takes. `more`: text for the end of the prototxt, layers that are in `tops` and not in the net itself."""

    def __init__(self, inputs, tops, ends, more):
        self.inputs = inputs
        self.tops = tops
        self.ends = ends
        self.more = more


def net_of(text):
    """A Net; raises PrototxtError."""
    fields = _parse(text)
    layers = [layer for key in ("layer", "layers") for layer in fields.get(key, []) if isinstance(layer, dict)]
    inputs = _old_inputs(fields)
    tops, taken, counts, shared = {}, set(), {}, set()
    for layer in layers:
        name = _own_name(layer.get("name", [""])[0], counts)
        if not _is_for_test(layer):
            continue
        if layer.get("type", [""])[0] == "Input":
            shapes = [_dims(shape) for shape in (layer.get("input_param") or [{}])[0].get("shape", [])]
            for at, top in enumerate(layer.get("top", [])):
                inputs[top] = shapes[min(at, len(shapes) - 1)] if shapes else []
            continue
        own = layer.get("top", [])
        # A layer may write where it reads; that is not an end.
        taken.update(bottom for bottom in layer.get("bottom", []) if bottom not in own)
        for top in own:
            tops[top] = name
            (shared.add if len(own) > 1 else shared.discard)(top)
    for name, shape in inputs.items():
        if not shape or any(n < 0 for n in shape):
            raise PrototxtError("the input %s has no shape" % name)
    more = "".join(map(_old_copy if "layers" in fields else _copy, sorted(shared)))
    tops.update((top, _copy_name(top)) for top in shared)
    return Net(inputs, tops, [top for top in tops if top not in taken], more)


def _own_name(name, counts):
    """How OpenCV tells layers of the same name apart, those of inputs and of training among them."""
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else "%s_%d" % (name, counts[name] - 1)


def _old_inputs(fields):
    """`input` with `input_shape`, or four `input_dim` each."""
    names = fields.get("input", [])
    shapes = [_dims(shape) for shape in fields.get("input_shape", [])]
    if not shapes:
        dims = [_whole(n) for n in fields.get("input_dim", [])]
        shapes = [dims[at : at + 4] for at in range(0, len(dims), 4)]
    return {name: shapes[at] if at < len(shapes) else [] for at, name in enumerate(names)}


def _is_for_test(layer):
    phases = [inner for rule in layer.get("include", []) for inner in rule.get("phase", [])]
    return not phases or "TEST" in phases


def _dims(shape):
    return [_whole(n) for n in shape.get("dim", [])]


def _whole(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        raise PrototxtError("a dimension is %.40s; allowed: a whole number" % (text,))


def _parse(text):
    """Field -> list of values, each a text or again such a dict."""
    tokens = _tokens(text)
    fields, at = _fields(tokens, 0, 0)
    if at != len(tokens):
        raise PrototxtError("a bracket closes that never opened")
    return fields


def _tokens(text):
    text = text.rstrip()
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            if re.match(r"\s*(?:#[^\n]*\s*)*$", text[at:]):
                break
            raise PrototxtError("line %d is no text of protobuf" % (text.count("\n", 0, at) + 1))
        found.append(match.group(1))
        at = match.end()
    return found


def _fields(tokens, at, depth):
    if depth > _DEPTH_MAX:
        raise PrototxtError("it is nested deeper than %d" % _DEPTH_MAX)
    fields = {}
    while at < len(tokens) and tokens[at] not in "}>":
        name = tokens[at]
        at += 1
        if not (name[0].isalpha() or name[0] == "_"):
            raise PrototxtError("found %.40s; allowed: the name of a field" % name)
        values, at = _values(tokens, at, depth, name)
        fields.setdefault(name, []).extend(values)
        while at < len(tokens) and tokens[at] in ",;":
            at += 1
    return fields, at


def _values(tokens, at, depth, name):
    is_list = False
    if at < len(tokens) and tokens[at] == ":":
        at += 1
        if at < len(tokens) and tokens[at] == "[":
            is_list = True
            at += 1
    values = []
    while True:
        if at >= len(tokens):
            raise PrototxtError("it ends within %.40s" % name)
        token = tokens[at]
        if is_list and token in ",]":
            at += 1
            if token == "]":
                return values, at
            continue
        if token in "{<":
            inner, at = _fields(tokens, at + 1, depth + 1)
            if at >= len(tokens):
                raise PrototxtError("it ends within %.40s" % name)
            values.append(inner)
            at += 1
        elif token in "}>:;,[]":
            raise PrototxtError("%.40s has no value" % name)
        else:
            values.append(token[1:-1] if token[0] in "\"'" else token)
            at += 1
        if not is_list:
            return values, at
