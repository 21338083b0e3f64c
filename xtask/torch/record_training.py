"""Record the losses of three networks over 50 training steps.

usage: record_training.py OUT

OUT is a JSON file: for each network its batch and image sizes, its learning rate and PyTorch's loss before each step.
Weights, images and labels are no part of it. Element i of the tensor with number k (the order of the parameters, then
images, then labels) comes from `numbers` below, which crates/flambeau/tests/training_trajectory.rs computes too.
"""

import json
import pathlib
import sys

import numpy
import torch
from torch import nn

STEPS = 50
SGD = {"momentum": 0.9, "weight_decay": 1e-4}


def numbers(k, n):
    """Numbers of 24 bits in [0, 1): the output function of SplitMix64 on the counter k · 2³² + i."""
    z = (numpy.uint64(k) << numpy.uint64(32)) + numpy.arange(1, n + 1, dtype=numpy.uint64)
    z *= numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)).astype(numpy.float64) / 2**24


class MLP(nn.Module):
    """The notes' three-layer network."""

    def __init__(self, activation):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 200), nn.Linear(200, 200), nn.Linear(200, 10)
        self.activation = activation

    def forward(self, x):
        x = self.activation(self.fc1(x.flatten(1)))
        return self.fc3(self.activation(self.fc2(x)))


class LeNet(nn.Module):
    """LeNet-5 for images of 16 × 16."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 3)
        self.fc1, self.fc2, self.fc3 = nn.Linear(16 * 3 * 3, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x).tanh(), 2)
        x = nn.functional.max_pool2d(self.conv2(x).tanh(), 2).flatten(1)
        return self.fc3(self.fc2(self.fc1(x).tanh()).tanh())


class Block(nn.Module):
    """A residual block; a convolution of one pixel on the other path where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.layer1, self.layer2 = Block(8, 8, 1), Block(8, 16, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 10)

    def forward(self, x):
        x = self.layer2(self.layer1(self.bn1(self.conv1(x)).relu()))
        return self.fc(self.avgpool(x).flatten(1))


def fill(net):
    """Weights uniform within ± 1/√fan_in, those of norms 1, biases 0. Returns how many parameters there are."""
    parameters = list(net.named_parameters())
    for k, (name, parameter) in enumerate(parameters):
        if parameter.dim() > 1:
            bound = 1 / parameter[0].numel() ** 0.5
            values = (2 * numbers(k, parameter.numel()) - 1) * bound
            parameter.data.copy_(torch.from_numpy(values).reshape(parameter.shape))
        elif name.endswith("bias"):
            parameter.data.zero_()
    return len(parameters)


def train(net, batch, image, lr):
    """The loss before each step, on the batches of a small data set in turn."""
    k, sets = fill(net), 4
    n = sets * batch
    images = torch.from_numpy(numbers(k, n * image * image)).float().reshape(sets, batch, 1, image, image)
    labels = torch.from_numpy(numbers(k + 1, n) * 10).long().reshape(sets, batch)
    optimizer = torch.optim.SGD(net.parameters(), lr, **SGD)
    loss_fn = nn.CrossEntropyLoss()
    losses = []
    for step in range(STEPS):
        loss = loss_fn(net(images[step % sets]), labels[step % sets])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main(out):
    torch.set_num_threads(1)
    # Rates at which 32-bit rounding stays below 1e-5: the same runs in 64 bits differ by that or less.
    networks = {
        "mlp_relu": (MLP(nn.ReLU()), 16, 28, 0.05),
        "mlp_leaky_relu": (MLP(nn.LeakyReLU()), 16, 28, 0.05),
        "lenet": (LeNet(), 8, 16, 0.05),
        "resnet": (ResNet(), 8, 16, 0.01),
    }
    recorded = {"torch": torch.__version__, **SGD}
    for name, (net, batch, image, lr) in networks.items():
        losses = train(net, batch, image, lr)
        recorded[name] = {"batch": batch, "image": image, "lr": lr, "losses": losses}
        print(f"{name:>15} {losses[0]:.6f} -> {losses[-1]:.6f}")
    out.write_text(json.dumps(recorded) + "\n")
    print(f"{out}: {out.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
