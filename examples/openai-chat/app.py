"""The routes of OpenAI's API that chat clients use, over two small models: words that follow each other, and hashed features of a text."""
import base64
import json
import math
import random
import re
import struct
import time
import zlib

CHAT_MODEL = "licence-words"
EMBEDDING_MODEL = "hashed-features"
TOKENS_DEFAULT = 64
TOKENS_MAX = 100_000
DIMENSIONS = 256
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|[.,;:]")


class Refused(Exception):
    """What a client did wrong, in the form in which OpenAI tells it."""

    def __init__(self, message, param=None, status=400, code=None):
        super().__init__(message)
        kind = "invalid_request_error"
        self.answer = {"error": {"message": message, "type": kind, "param": param, "code": code}}, status


def initialize(model_entry, model_config):
    global follows, end, started
    with open(model_entry, encoding="utf-8") as file:
        model = json.load(file)
    follows, end = model["follows"], model["end"]
    started = int(time.time())


def describe():
    return {"routes": [f"{method} {path}" for method, path in ROUTES], "models": [CHAT_MODEL, EMBEDDING_MODEL]}


def process(data, headers):
    path = headers.path.partition("?")[0]
    try:
        if headers.method == "GET" and path.startswith("/v1/models/"):
            return model_card(known(path[len("/v1/models/") :], (CHAT_MODEL, EMBEDDING_MODEL)))
        route = ROUTES.get((headers.method, path))
        if route is None:
            raise Refused(f"unknown request URL: {headers.method} {path}", status=404, code="unknown_url")
        return route(data)
    except Refused as refused:
        return refused.answer


# --- models


def list_models(_data):
    return {"object": "list", "data": [model_card(name) for name in (CHAT_MODEL, EMBEDDING_MODEL)]}


def model_card(name):
    return {"id": name, "object": "model", "created": started, "owned_by": "sluice"}


def known(name, names):
    if name not in names:
        raise Refused(f"the model {name!r} does not exist", "model", 404, "model_not_found")
    return name


# --- chat


def chat(data):
    body = fields_of(data)
    known(body.get("model"), (CHAT_MODEL,))
    text = prompt_of(body.get("messages"))
    limit = number(body, "max_completion_tokens", number(body, "max_tokens", TOKENS_DEFAULT, 1, TOKENS_MAX), 1, TOKENS_MAX)
    temperature = number(body, "temperature", 1, 0, 2)
    # Without a seed the text itself is one: the same question has the same answer.
    seed = number(body, "seed", zlib.crc32(text.encode()), -(2**63), 2**63)
    words = WORD.findall(text)
    made = Words(words, limit, temperature, random.Random(int(seed)))
    head = {"id": f"chatcmpl-{zlib.crc32(text.encode()):08x}", "created": int(time.time()), "model": CHAT_MODEL}
    if body.get("stream") is True:
        options = body.get("stream_options") or {}
        return chunks(head, made, len(words), options.get("include_usage") is True), 200, {"content-type": "text/event-stream"}
    content = "".join(made)
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": made.finish_reason}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": usage(len(words), made.count)}


def chunks(head, made, prompt_count, has_usage):
    """Server-sent events. A client that goes has this generator closed at its `yield`."""

    def chunk(delta, finish_reason=None, **more):
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]
        return f"data: {json.dumps({**head, 'object': 'chat.completion.chunk', 'choices': choices, **more})}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    for piece in made:
        yield chunk({"content": piece})
    yield chunk({}, made.finish_reason)
    if has_usage:
        yield chunk(None, usage=usage(prompt_count, made.count))
    yield "data: [DONE]\n\n"


class Words:
    """Goes on from the last words of a text that the model knows, word by word, until `limit` or, after a whole sentence, by its own choice."""

    def __init__(self, words, limit, temperature, chance):
        self.limit = limit
        self.temperature = temperature
        self.chance = chance
        self.count = 0
        self.finish_reason = None
        self.context = [end]
        for at in range(len(words) - 1, -1, -1):
            if words[at] in follows:
                pair = words[max(0, at - 1) : at + 1]
                self.context = pair if " ".join(pair) in follows else pair[-1:]
                break

    def __iter__(self):
        while self.count < self.limit:
            word = self.next()
            self.count += 1
            self.context = [self.context[-1], word]
            if word == end:
                yield "."
                # A short answer is one sentence; who asks for more than the default gets more of them.
                if self.limit <= TOKENS_DEFAULT:
                    self.finish_reason = "stop"
                    return
            else:
                yield word if self.count == 1 or word in ",;:" else f" {word}"
        self.finish_reason = "length"

    def next(self):
        counts = follows.get(" ".join(self.context)) or follows.get(self.context[-1]) or follows[end]
        if self.temperature == 0:
            return max(counts, key=counts.get)
        weights = [count ** (1 / self.temperature) for count in counts.values()]
        return self.chance.choices(list(counts), weights)[0]


def prompt_of(messages):
    if not isinstance(messages, list) or not messages:
        raise Refused("messages must be a list of at least one message", "messages")
    texts = []
    for at, message in enumerate(messages):
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):  # parts; only those of text are read
            content = " ".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
        if not isinstance(content, str):
            raise Refused(f"messages[{at}].content must be a text", f"messages[{at}].content")
        texts.append(content)
    return "\n".join(texts)


# --- embeddings


def embeddings(data):
    body = fields_of(data)
    known(body.get("model"), (EMBEDDING_MODEL,))
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise Refused("input must be a text, or a list of texts, that are not empty", "input")
    size = int(number(body, "dimensions", DIMENSIONS, 8, 4096))
    form = body.get("encoding_format", "float")
    if form not in ("float", "base64"):
        raise Refused("encoding_format must be float or base64", "encoding_format")
    items = []
    for index, text in enumerate(texts):
        vector = embed(text, size)
        packed = struct.pack(f"<{size}f", *vector)
        items.append({"object": "embedding", "index": index, "embedding": vector if form == "float" else base64.b64encode(packed).decode()})
    count = sum(len(WORD.findall(text)) for text in texts)
    return {"object": "list", "data": items, "model": EMBEDDING_MODEL, "usage": {"prompt_tokens": count, "total_tokens": count}}


def embed(text, size):
    """Words and their parts of three letters, each added to or taken from the place that its hash says; of length 1."""
    vector = [0.0] * size
    for word in re.findall(r"\w+", text.lower()):
        padded = f"<{word}>"
        parts = [padded[at : at + 3] for at in range(len(padded) - 2)]
        for feature, weight in [(f"word {word}", 1.0), *((part, 0.5) for part in parts)]:
            place = zlib.crc32(feature.encode())
            vector[(place >> 1) % size] += weight if place & 1 else -weight
    length = math.sqrt(sum(v * v for v in vector)) or 1.0
    return [v / length for v in vector]


# --- what all have in common


def fields_of(data):
    try:
        body = json.loads(data)
    except ValueError as error:
        raise Refused(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused("the body is not a JSON object")
    return body


def number(body, name, default, least, most):
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise Refused(f"{name} must be a number from {least} to {most}", name)
    return value


def usage(prompt_count, completion_count):
    return {
        "prompt_tokens": prompt_count,
        "completion_tokens": completion_count,
        "total_tokens": prompt_count + completion_count,
    }


ROUTES = {
    ("GET", "/v1/models"): list_models,
    ("POST", "/v1/chat/completions"): chat,
    ("POST", "/v1/embeddings"): embeddings,
}
