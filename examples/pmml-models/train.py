"""Trains one model of each kind and writes its folder: model.pmml, service.json, request.json and expected.json.

    python -m venv /tmp/models && /tmp/models/bin/pip install -r requirements.txt
    /tmp/models/bin/python train.py [folder]

All data sets ship inside scikit-learn. expected.json is what scikit-learn itself says of the rows in request.json (numpy, for the scorecard, which
scikit-learn has not); every 17th sample is kept for that and not trained on.
"""
import json
import pathlib
import sys

import numpy
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pmml

SEED = 5
HELD_OUT_EVERY = 17
ROWS_MAX = 12


def split(data, columns=None):
    """Names, and rows and targets to train and to ask with."""
    names = [str(name).replace(" (cm)", "").replace(" ", "_").replace("/", "_per_") for name in data.feature_names]
    rows = data.data
    if columns:
        at = [names.index(name) for name in columns]
        names, rows = columns, rows[:, at]
    is_held = numpy.arange(len(rows)) % HELD_OUT_EVERY == 0
    return names, rows[~is_held], data.target[~is_held], rows[is_held][:ROWS_MAX]


def continuous(names):
    return [(name, "continuous", "double", ()) for name in names]


def probabilities(target, classes, predicted, shares):
    return [
        {f"predicted_{target}": label, **{f"probability_{c}": float(p) for c, p in zip(classes, row)}}
        for label, row in zip(predicted, shares)
    ]


def regression():
    """Ten baseline measurements of 442 diabetes patients; how far the disease went in a year."""
    names, x, y, held = split(load_diabetes())
    model = LinearRegression().fit(x, y)
    element = pmml.linear_regression(names, "progression", model.intercept_, model.coef_)
    text = pmml.document("regression", [*continuous(names), ("progression", "continuous", "double", ())], element)
    return text, names, held, [{"predicted_progression": float(v)} for v in model.predict(held)]


def decision_tree():
    """Petals and sepals of 150 irises of three species."""
    data = load_iris()
    names, x, y, held = split(data)
    classes = [str(name) for name in data.target_names]
    model = DecisionTreeClassifier(max_depth=4, random_state=SEED).fit(x, y)
    element = pmml.decision_tree(model.tree_, names, "species", classes)
    text = pmml.document("decision-tree", [*continuous(names), ("species", "categorical", "string", classes)], element)
    shares = model.predict_proba(held)
    return text, names, held, probabilities("species", classes, [classes[i] for i in model.predict(held)], shares)


def boosted_trees():
    """Six measurements of cell nuclei of 569 tumours; 0 malignant, 1 benign."""
    columns = ["mean_radius", "mean_texture", "mean_smoothness", "mean_concavity", "worst_area", "worst_symmetry"]
    names, x, y, held = split(load_breast_cancer(), columns)
    model = GradientBoostingClassifier(n_estimators=25, max_depth=3, random_state=SEED).fit(x, y)
    share = model.init_.class_prior_[1]
    start = numpy.log(share / (1 - share))
    trees = [stage[0].tree_ for stage in model.estimators_]
    element = pmml.boosted_trees(trees, names, "diagnosis", [0, 1], start, model.learning_rate)
    text = pmml.document("boosted-trees", [*continuous(names), ("diagnosis", "categorical", "integer", [0, 1])], element)
    shares = model.predict_proba(held)
    return text, names, held, probabilities("diagnosis", [0, 1], [int(v) for v in model.predict(held)], shares)


def neural_network():
    """Thirteen chemical measurements of 178 wines from three growers."""
    data = load_wine()
    names, x, y, held = split(data)
    classes = [str(name) for name in data.target_names]
    scaler = StandardScaler().fit(x)
    model = MLPClassifier((6,), activation="tanh", solver="lbfgs", alpha=0.1, max_iter=2000, random_state=SEED)
    model.fit(scaler.transform(x), y)
    element = pmml.neural_network(names, "grower", classes, scaler.mean_, scaler.scale_, model.coefs_, model.intercepts_)
    text = pmml.document("neural-network", [*continuous(names), ("grower", "categorical", "string", classes)], element)
    shares = model.predict_proba(scaler.transform(held))
    return text, names, held, probabilities("grower", classes, [classes[i] for i in shares.argmax(axis=1)], shares)


def clustering():
    """The same irises, without their species: three clusters."""
    names, x, _, held = split(load_iris())
    model = KMeans(3, n_init=5, random_state=SEED).fit(x)
    text = pmml.document("clustering", continuous(names), pmml.clustering(names, model.cluster_centers_))
    distances = model.transform(held)
    expected = [{"cluster": str(i), "distance": float(row[i])} for i, row in zip(model.predict(held), distances)]
    return text, names, held, expected


#: Field, upper bounds of its bins, points when the value is missing.
CARD = [("mean_radius", (12.0, 14.0, 16.0), -10), ("mean_texture", (16.0, 19.0, 22.0), 0), ("mean_concavity", (0.03, 0.07, 0.13), -5)]
#: The baseline is above the points of any bin, so that each field has cost something.
CARD_START, CARD_BASELINE, CARD_FACTOR = 100, 50, 15


def scorecard():
    """Points for three of the measurements of the tumours, by the weight of evidence of each bin; the two fields that cost most points are the reasons."""
    names, x, y, held = split(load_breast_cancer(), [field for field, *_ in CARD])
    characteristics, tables = [], []
    for column, (field, bounds, missing) in enumerate(CARD):
        places = numpy.digitize(x[:, column], bounds, right=True)
        good = numpy.bincount(places, y == 1, len(bounds) + 1) + 0.5
        bad = numpy.bincount(places, y == 0, len(bounds) + 1) + 0.5
        points = numpy.rint(CARD_FACTOR * numpy.log((good / good.sum()) / (bad / bad.sum()))).astype(int)
        bins = [(bound, int(p), f"{field}_{i}") for i, (bound, p) in enumerate(zip((*bounds, None), points))]
        characteristics.append((field, CARD_BASELINE, bins, missing))
        tables.append((bounds, points, missing))
    element = pmml.scorecard("benign", CARD_START, characteristics)
    text = pmml.document("scorecard", [*continuous(names), ("benign", "continuous", "double", ())], element)
    held = held.copy()
    held[1, 2] = numpy.nan  # missing: the card has points for that
    expected = []
    for row in held:
        losses, score = [], CARD_START
        for (field, *_), value, (bounds, points, missing) in zip(CARD, row, tables):
            place = int(numpy.digitize(value, bounds, right=True))
            got, reason = (missing, f"{field}_missing") if numpy.isnan(value) else (int(points[place]), f"{field}_{place}")
            score += got
            losses.append((got - CARD_BASELINE, reason))
        reasons = [reason for _, reason in sorted(losses, key=lambda loss: loss[0])]
        expected.append({"score": float(score), "reason_1": reasons[0], "reason_2": reasons[1]})
    return text, names, held, expected


KINDS = [regression, decision_tree, boosted_trees, neural_network, clustering, scorecard]


def main(folder):
    for kind in KINDS:
        name = kind.__name__.replace("_", "-")
        text, names, held, expected = kind()
        rows = [{n: float(v) for n, v in zip(names, row) if not numpy.isnan(v)} for row in held]
        service = {
            "name": kind.__name__,
            "processor": "pmml",
            "model_path": "./model.pmml",
            "metadata": {"instance": 1, "cpu": 1, "memory": 128},
        }
        place = folder / name
        place.mkdir(exist_ok=True)
        (place / "model.pmml").write_text(text, encoding="utf-8")
        for file, value in (("service.json", service), ("request.json", rows), ("expected.json", expected)):
            (place / file).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        print(f"{name}: {len(text)} bytes, {len(rows)} rows, for example {expected[0]}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent)
