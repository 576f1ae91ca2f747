"""Trains the two models of this example and writes every generated file beside this script.

    python -m venv /tmp/canary && /tmp/canary/bin/pip install -r requirements.txt
    /tmp/canary/bin/python train.py [folder]

Data: Breast Cancer Wisconsin (Diagnostic), 569 samples, 30 measurements of cell nuclei, class 0 malignant and
1 benign. It ships inside scikit-learn, so nothing is fetched. Model 1 sees four measurements, model 2 all thirty.
"""
import json
import pathlib
import sys

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from logistic_pmml import logistic_regression

#: What model 1 sees: size, surface and shape of the average cell, the first things a person would look at.
FEW_FEATURES = ["mean_radius", "mean_texture", "mean_smoothness", "mean_symmetry"]
SEED = 20
TARGET = "diagnosis"


def fit(rows, labels):
    """Scaling and logistic regression, fitted to the end so that a second run agrees in many digits."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000, tol=1e-10)).fit(rows, labels)


def raw_coefficients(pipeline):
    """Intercept and coefficients on unscaled fields: the scaler folded into the regression."""
    scaler, regression = pipeline.named_steps["standardscaler"], pipeline.named_steps["logisticregression"]
    coefficients = regression.coef_[0] / scaler.scale_
    return float(regression.intercept_[0] - coefficients @ scaler.mean_), [float(c) for c in coefficients]


def answers(probabilities):
    """What the service answers for these rows, as scikit-learn computes it."""
    return [
        {"probability_0": float(p0), "probability_1": float(p1), "predicted_diagnosis": int(p1 > p0)}
        for p0, p1 in probabilities
    ]


def main(folder):
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    train_x, held_x, train_y, held_y = train_test_split(
        data.data, data.target, test_size=0.25, stratify=data.target, random_state=SEED
    )
    held_out = [{"row": {n: float(v) for n, v in zip(names, row)}, "diagnosis": int(y)} for row, y in zip(held_x, held_y)]
    expected = {}
    for model, fields in (("model1", FEW_FEATURES), ("model2", names)):
        columns = [names.index(field) for field in fields]
        pipeline = fit(train_x[:, columns], train_y)
        probabilities = pipeline.predict_proba(held_x[:, columns])
        text = logistic_regression(model, TARGET, fields, *raw_coefficients(pipeline))
        (folder / f"{model}.pmml").write_text(text, encoding="utf-8")
        for item, answer in zip(held_out, answers(probabilities)):
            item[model] = answer
        expected[model] = [held_out[0][model]]
        accuracy = accuracy_score(held_y, probabilities.argmax(axis=1))
        loss = log_loss(held_y, probabilities)
        print(f"{model}: {len(fields)} fields, {len(held_y)} held-out rows, accuracy {accuracy:.4f}, log loss {loss:.4f}")
    lines = "".join(json.dumps(item) + "\n" for item in held_out)
    (folder / "held-out.jsonl").write_text(lines, encoding="utf-8")
    for name, value in (("request.json", [held_out[0]["row"]]), ("expected.json", expected)):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent)
