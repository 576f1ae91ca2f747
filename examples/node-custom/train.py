"""Trains the network of this example and writes its weights, a request, and what scikit-learn answers to it.

Run it with the packages of requirements.txt: `python train.py`. What it writes is the same each time.
"""
import json
import pathlib

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

here = pathlib.Path(__file__).parent
images, digits = load_digits(return_X_y=True)
learn, held, learn_digits, held_digits = train_test_split(images, digits, test_size=0.2, random_state=1, stratify=digits)
network = MLPClassifier(hidden_layer_sizes=(16,), max_iter=300, alpha=0.1, random_state=1).fit(learn, learn_digits)

# Six digits of each weight are enough, and what scikit-learn is asked for then uses the same ones.
for weights in network.coefs_ + network.intercepts_:
    weights[:] = [[float("%.6g" % w) for w in row] for row in weights] if weights.ndim == 2 else [float("%.6g" % w) for w in weights]
layers = [{"weights": w.tolist(), "biases": b.tolist()} for w, b in zip(network.coefs_, network.intercepts_)]
(here / "model").mkdir(exist_ok=True)
(here / "model" / "digits.json").write_text(json.dumps({"layers": layers}) + "\n")

some = held[:20]
(here / "request.json").write_text(json.dumps(some.astype(int).tolist()) + "\n")
answers = [{"digit": int(p.argmax()), "probabilities": p.tolist()} for p in network.predict_proba(some)]
(here / "expected.json").write_text(json.dumps(answers) + "\n")
print("right on held-out images: %.3f" % network.score(held, held_digits))
