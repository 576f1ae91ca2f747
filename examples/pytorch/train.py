"""Makes the TorchScript model of this example, its request, and the answer of PyTorch itself to it.

    python3 train.py

Needs torch, numpy and scikit-learn, whose iris data set it learns. The same seed gives the same model.
"""
import json

import numpy as np
import torch
from sklearn.datasets import load_iris

torch.manual_seed(7)
data = load_iris()
flowers = torch.tensor(data.data, dtype=torch.float32)
species = torch.tensor(data.target)


class Iris(torch.nn.Module):
    """Probabilities of the three species, and the likeliest."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", flowers.mean(0))
        self.register_buffer("deviation", flowers.std(0))
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))

    def scores(self, x):
        return self.layers((x - self.mean) / self.deviation)

    def forward(self, x: torch.Tensor):
        probabilities = torch.softmax(self.scores(x), dim=1)
        return probabilities, probabilities.argmax(1)


model = Iris()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
for _ in range(300):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model.scores(flowers), species).backward()
    optimizer.step()
model.eval()
example = flowers[[0, 60, 120, 133]]
torch.jit.trace(model, example).save("model/iris.pt")

right = (model(flowers)[1] == species).float().mean().item()
print("right: %.3f of the flowers" % right)

tensor = {"name": "x", "shape": [4, 4], "datatype": "FP32", "data": np.round(example.numpy(), 3).ravel().astype(float).round(3).tolist()}
with open("request.json", "w") as file:
    json.dump({"inputs": [tensor]}, file, indent=1)
with torch.inference_mode():
    probabilities, likeliest = torch.jit.load("model/iris.pt")(example)
answer = {
    "probabilities": {"shape": list(probabilities.shape), "values": probabilities.ravel().tolist()},
    "species": {"shape": list(likeliest.shape), "values": likeliest.tolist()},
}
with open("expected.json", "w") as file:
    json.dump(answer, file, indent=1)
