"""What a processor is given, and what it may give back."""
import json
import re
from collections.abc import Mapping

from . import frames

#: Bodies above this go to the socket on their own, not copied into one write with others.
COPY_BYTES_MAX = 65536

#: RFC 9110 section 5.6.2.
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")

_TEXT = b"content-type: text/plain; charset=utf-8\n"
_JSON = b"content-type: application/json\n"


class Headers(Mapping):
    """Request headers; names are matched without regard to case. Parsed when first looked at.

    A name that came more than once has its values joined by `, ` (RFC 9110 section 5.3).
    `method` and `path` are those of the request line as the engine saw it, without the service's prefix.
    """

    __slots__ = ("_raw", "_line", "_fields", "deadline")

    def __init__(self, head, deadline=None):
        self._raw = head
        #: Until when the answer is waited for, in seconds of `time.monotonic()`; None where it is not known.
        self.deadline = deadline
        self._line = None
        self._fields = None

    def _parse(self):
        lines = bytes(self._raw).decode("latin-1").split("\n")
        self._line = lines[0]
        fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(": ")
            if colon:
                name = name.lower()
                fields[name] = fields[name] + ", " + value if name in fields else value
        self._fields = fields
        return fields

    @property
    def target(self):
        """The same as `path`, without a look at the fields."""
        raw = bytes(self._raw)
        end = raw.find(b"\n")
        return raw[raw.find(b" ") + 1 : end if end >= 0 else len(raw)].decode("latin-1")

    @property
    def method(self):
        if self._fields is None:
            self._parse()
        return self._line.partition(" ")[0]

    @property
    def path(self):
        if self._fields is None:
            self._parse()
        return self._line.partition(" ")[2]

    def __getitem__(self, name):
        fields = self._fields
        if fields is None:
            fields = self._parse()
        return fields[name.lower()]

    def __iter__(self):
        return iter(self._parse() if self._fields is None else self._fields)

    def __len__(self):
        return len(self._parse() if self._fields is None else self._fields)


class BadAnswer(Exception):
    """A processor returned something that cannot be sent; the text says what is allowed."""


def answer_parts(result):
    """`(status, head, body)` of what `process` returned.

    Allowed: bytes, str, dict or list (sent as JSON), or a tuple of one of these and a status, and
    optionally a mapping of response headers. Status 0 means 200 (eas-reference section 5.4).
    """
    status = 200
    extra = None
    if type(result) is tuple:
        if len(result) == 2:
            result, status = result
        elif len(result) == 3:
            result, status, extra = result
        else:
            raise BadAnswer("process returned a tuple of %d; allowed: (body, status) or (body, status, headers)" % len(result))
        if status is None or status == 0:
            status = 200
        if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
            raise BadAnswer("process returned the status %.100r; allowed: 0, or a whole number from 200 to 599" % (status,))
        status = int(status)
    if isinstance(result, (bytes, bytearray, memoryview)):
        head, body = b"", result
        if isinstance(body, memoryview):
            body = body.tobytes()
    elif isinstance(result, str):
        head, body = _TEXT, _utf8(result)
    elif isinstance(result, (dict, list)):
        head, body = _JSON, _json(result)
    else:
        raise BadAnswer("process returned %s; allowed: bytes, str, dict, list, a generator, or a tuple (body, status)" % type(result).__name__)
    if extra:
        head = _with_extra(head, extra)
    return status, head, body


def _utf8(text):
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadAnswer("process returned text that is no UTF-8: %s" % error) from error


def _json(value):
    """NaN and infinities are not in JSON: most clients cannot read an answer that has them."""
    try:
        return json.dumps(value, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadAnswer("process returned a %s that cannot be sent as JSON: %s" % (type(value).__name__, error)) from error


def _with_extra(head, extra):
    """Pairs may be given too, for a name that comes more than once."""
    try:
        fields = [("%s" % name, "%s" % value) for name, value in (extra.items() if isinstance(extra, Mapping) else extra)]
    except (TypeError, ValueError):
        raise BadAnswer("process returned the response headers %.100r; allowed: a mapping, or (name, value) pairs" % (extra,)) from None
    lines = []
    has_type = False
    for name, value in fields:
        if not _FIELD_NAME.match(name) or any(sign in value for sign in "\r\n\0"):
            raise BadAnswer("process returned a response header that is not a name and one line: %.100r" % name)
        has_type = has_type or name.lower() == "content-type"
        lines.append("%s: %s\n" % (name, value))
    own = "".join(lines).encode("latin-1", "replace")
    return own if has_type else head + own


def encode_answer(request_id, result):
    """List of byte strings to send for what `process` returned."""
    if type(result) is bytes and len(result) <= COPY_BYTES_MAX:
        return (frames.encode_response(request_id, 200, b"", result),)
    status, head, body = answer_parts(result)
    if len(body) + len(head) + 11 > frames.FRAME_BYTES_MAX:
        raise BadAnswer("process returned %d bytes; the limit is %d" % (len(body), frames.FRAME_BYTES_MAX - 65536))
    if len(body) <= COPY_BYTES_MAX:
        return (frames.encode_response(request_id, status, head, body),)
    return (frames.encode_response_front(request_id, status, head, len(body)), body)
