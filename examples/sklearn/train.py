"""Trains the pipeline of this example, and asks scikit-learn itself for the answers that the service must give.

Run it with the packages of requirements.txt: `python train.py`. Each run gives the same answers.
"""
import json
import pathlib
import zipfile

import numpy
import pandas
from skops import io
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).parent
HELD_OUT = 4
NUMBERS = ["bmi", "bp", "s1", "s5"]

data = load_diabetes(as_frame=True, scaled=False)
table = data.data[NUMBERS].round(4)
# A column of text, as tables of people's own have them.
ages = pandas.cut(data.data["age"], [0, 40, 60, 200], labels=["under 40", "40 to 60", "over 60"])
table.insert(0, "age_group", ages.astype(object))
order = numpy.random.default_rng(7).permutation(len(table))
held, train = order[:HELD_OUT], order[HELD_OUT:]

columns = ColumnTransformer([
    ("text", OneHotEncoder(handle_unknown="ignore"), ["age_group"]),
    ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
])
model = make_pipeline(columns, Ridge(alpha=1.0)).fit(table.iloc[train], data.target.iloc[train])
io.dump(model, HERE / "model" / "model.skops", compression=zipfile.ZIP_DEFLATED)

asked = table.iloc[held].reset_index(drop=True)
asked.loc[1, "bp"] = numpy.nan
asked.loc[2, "age_group"] = "unknown"
answers = model.predict(asked)

rows = json.loads(asked.to_json(orient="records"))
(HERE / "request.json").write_text(json.dumps(rows) + "\n")
(HERE / "expected.json").write_text(json.dumps(answers.tolist()) + "\n")
