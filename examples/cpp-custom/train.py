"""Trains the forest of this example and writes what forest.cpp reads, a request, and what scikit-learn answers to it.

Run it with the packages of requirements.txt: `python train.py`. What it writes is the same each time.
"""
import json
import pathlib

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

here = pathlib.Path(__file__).parent
rows, classes = load_iris(return_X_y=True)
learn, held, learn_classes, held_classes = train_test_split(rows, classes, test_size=0.3, random_state=1, stratify=classes)
forest = RandomForestClassifier(n_estimators=20, max_depth=4, random_state=1).fit(learn, learn_classes)

lines = ["%d %d %d" % (rows.shape[1], len(forest.classes_), len(forest.estimators_))]
for tree in (estimator.tree_ for estimator in forest.estimators_):
    lines.append(str(tree.node_count))
    for node in range(tree.node_count):
        if tree.children_left[node] == -1:
            lines.append("-1 " + " ".join(repr(float(share)) for share in tree.value[node][0]))
        else:
            threshold = repr(float(tree.threshold[node]))
            lines.append("%d %s %d %d" % (tree.feature[node], threshold, tree.children_left[node], tree.children_right[node]))
(here / "model").mkdir(exist_ok=True)
(here / "model" / "forest.txt").write_text("\n".join(lines) + "\n")

(here / "request.csv").write_text("\n".join(",".join(str(number) for number in row) for row in held) + "\n")
(here / "expected.json").write_text(json.dumps(forest.predict_proba(held).tolist()) + "\n")
print("right on held-out rows: %.3f" % forest.score(held, held_classes))
