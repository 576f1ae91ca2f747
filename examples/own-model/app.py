"""Serves the line that train.py fitted: JSON rows in, JSON predictions out.

Sluice calls `initialize` once with the path of the model's entry file and with `model_config`, then `process`
for each request, on several threads at once.
"""
import json

model = None


def initialize(model_entry, model_config):
    global model
    with open(model_entry, encoding="utf-8") as file:
        model = json.load(file)


def process(data, headers):
    rows = json.loads(data)  # raises on bad JSON: the client gets 400 and the message
    if not isinstance(rows, list):
        return "the body is not a JSON array of rows", 400
    answers = []
    for number, row in enumerate(rows):
        if model["field"] not in row:
            return f"row {number} has no field {model['field']}", 400
        answers.append({"distance": model["intercept"] + model["slope"] * row[model["field"]]})
    return answers  # a list or dict is sent as JSON


def describe():
    """The answer to a GET."""
    return {"input": [{model["field"]: "number, miles an hour"}], "output": [{"distance": "number, feet"}]}
