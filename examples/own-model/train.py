"""Fits a line to a real data set with Python's standard library and writes the model as JSON.

    python3 train.py

Data: speed of a car (miles an hour) and the distance it took to stop (feet), 50 measurements of the 1920s, from
M. Ezekiel, Methods of Correlation Analysis, Wiley 1930. It is the data set `cars` that comes with R.
"""
import json
import pathlib
import statistics

SPEED = [
    4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15,
    15, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25,
]  # fmt: skip
DISTANCE = [
    2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26,
    54, 32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85,
]  # fmt: skip

line = statistics.linear_regression(SPEED, DISTANCE)
model = {"field": "speed", "intercept": line.intercept, "slope": line.slope}
path = pathlib.Path(__file__).resolve().parent / "model" / "stopping_distance.json"
path.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
print(f"distance = {line.intercept:.4f} + {line.slope:.4f} * speed, written to {path.name}")
