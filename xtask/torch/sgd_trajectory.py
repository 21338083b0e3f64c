"""Record PyTorch's losses over 100 SGD steps of a small network on scikit-learn's digits.

usage: sgd_trajectory.py OUT [digits.csv.gz]

OUT is a safetensors file, gzipped when its name ends in .gz: `init.*` the first weights, `indices` the rows of each
batch, `losses.{setting}` one f64 for each step, taken before it. Without a second argument pip downloads the
scikit-learn wheel for its digits.csv.gz (64 pixels of 0 to 16, then the label). Pixels are divided by 16.
"""

import copy
import gzip
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy
import torch
from torch import nn

from record import save_sorted

STEPS, BATCH = 100, 64
SETTINGS = {
    "sgd": {"lr": 0.01},
    "momentum": {"lr": 0.01, "momentum": 0.9},
    "dampening": {"lr": 0.01, "momentum": 0.9, "dampening": 0.5},
    "nesterov": {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    "weight_decay": {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-2},
    "maximize": {"lr": 1e-4, "maximize": True},
}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(64, 200)
        self.fc2 = nn.Linear(200, 200)
        self.fc3 = nn.Linear(200, 10)

    def forward(self, x):
        x = self.flatten(x)
        x = self.fc1(x).relu()
        x = self.fc2(x).relu()
        return self.fc3(x)


def download_digits():
    """The bytes of digits.csv.gz, out of the wheel: scikit-learn itself need not be installed."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--dest", folder, "scikit-learn"], check=True)
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        return zipfile.ZipFile(wheel).read("sklearn/datasets/data/digits.csv.gz")


def train(net, batches, arguments):
    """The loss before each step; `net` is left as it was, so that every setting starts alike."""
    net = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), **arguments)
    loss_fn = nn.CrossEntropyLoss()
    losses = []
    for x, y in batches:
        loss = loss_fn(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def main(out, digits):
    torch.set_num_threads(1)  # one order of summation on every machine
    rows = numpy.loadtxt(io.StringIO(gzip.decompress(digits).decode()), delimiter=",")
    pixels = torch.tensor(rows[:, :64] / 16, dtype=torch.float32)
    labels = torch.tensor(rows[:, 64], dtype=torch.int64)

    torch.manual_seed(0)
    net = Net()
    generator = torch.Generator().manual_seed(0)
    indices = torch.stack([torch.randperm(len(rows), generator=generator)[:BATCH] for _ in range(STEPS)])
    batches = [(pixels[batch], labels[batch]) for batch in indices]

    tensors = {f"init.{name}": tensor for name, tensor in net.state_dict().items()}
    tensors["indices"] = indices
    for setting, arguments in SETTINGS.items():
        losses = train(net, batches, arguments)
        tensors[f"losses.{setting}"] = losses
        print(f"{setting:>12} {losses[0]:.6f} -> {losses[-1]:.6f}")

    stored = save_sorted(tensors, {"settings": json.dumps(SETTINGS), "torch": torch.__version__})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(stored, 9, mtime=0) if out.suffix == ".gz" else stored)
    print(f"{out}: {out.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes() if len(sys.argv) == 3 else download_digits())
