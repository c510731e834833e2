"""Residual knowledge of a network of your own: open this as a notebook, or run it as a script.

Editors that know cells (`# %%`) run it cell by cell; `jupytext --to ipynb notebook.py` converts it.
It takes a few seconds, trains four small networks on scikit-learn's digits with plain PyTorch, and
puts its result into the store that the window shows.
"""

# %% Data: pixels in [0, 1], and which samples are to be forgotten
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy

import engine

digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32)[:, None]  # (n, 1, 8, 8)
y = torch.tensor(digits.target)
forget = torch.where(y == 8)[0][:40]
retain = torch.tensor(sorted({*range(len(y))} - {*forget.tolist()}))
mean, std = x.mean(), x.std()


# %% Networks: any training will do; Re-trains have not seen the samples and differ in their seeds
def train(rows: torch.Tensor, seed: int) -> nn.Module:
    """A small network, trained on the samples in these rows."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for _ in range(80):
        optimizer.zero_grad()
        cross_entropy(net((x[rows] - mean) / std), y[rows]).backward()
        optimizer.step()
    return net


original = train(torch.arange(len(y)), seed=0)
a1, a2, a3 = (train(retain, seed) for seed in (1, 2, 3))

# %% Unlearning: by a method of yours, or by one of the program's
model = engine.unlearn(
    "gd", original, retain=(x[retain], y[retain]), forget=(x[forget], y[forget]),
    normalize=(mean, std), epochs=3, lr=0.01,
)  # fmt: skip

# %% Does it still recognize perturbed copies of what it should have forgotten?
rk = engine.residual_knowledge(
    model, retrains=[a1, a2, a3], x=x[forget], y=y[forget], taus=(0, 0.1, 0.2, 0.3, 0.4),
    perturbation="gaussian", draws=100, normalize=(mean, std), original=original,
)  # fmt: skip
print(rk.finding)
curve = rk.curve
for tau, r, low, high in zip(curve.taus, curve.mean, curve.null_low, curve.null_high, strict=True):
    print(f"tau {tau:.1f}: r {r:.2f}, null band {low:.2f} to {high:.2f}")

# %% Which samples, as a figure, and as a data frame (rk.to_frame(), with pandas)
print("residual:", [int(row) for row in forget[torch.tensor(rk.verdicts() == "residual")]])
figure = rk.plot()

# %% In the window: File > Open study, or the list of runs
key = rk.save(name="GD from a notebook", classes=[str(digit) for digit in range(10)],
              dataset="Digits from a notebook")  # fmt: skip
print(engine.open()[key])
