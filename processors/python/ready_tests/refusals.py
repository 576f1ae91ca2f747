"""What the tests of ready-made processors have in common."""
import json

from ready import model


def load(family, path, config=None):
    return model.load(family, str(path), config or {}, lambda text: None)


def refusal(loaded, body):
    """The text with which a request is refused, or what it was answered with."""
    try:
        return loaded.process(body if isinstance(body, bytes) else json.dumps(body).encode(), {})
    except model.BadInput as error:
        return str(error)


def load_error(family, path, config=None):
    """Why a model cannot be served."""
    try:
        load(family, path, config)
    except model.BadModel as error:
        return str(error)
    return "it was loaded"


def ask(loaded, rows):
    """The answer to rows."""
    return loaded.process(json.dumps(rows).encode(), {})
