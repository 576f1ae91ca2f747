"""Answers rows of numbers by a line: `initialize` loads the model once, `process` answers each request."""
import json

model = None


def initialize(model_entry, model_config):
    """Once, before the first request: the path of the model's file, and `model_config` as text or None."""
    global model
    with open(model_entry, encoding="utf-8") as file:
        model = json.load(file)


def process(data, headers):
    """Each request, on several threads at once: the body as bytes. What is raised is 400 with its message."""
    rows = json.loads(data)
    if not isinstance(rows, list):
        return "the body is not a JSON array of rows", 400
    return [{"y": model["intercept"] + model["slope"] * float(row["x"])} for row in rows]
