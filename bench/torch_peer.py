#!/usr/bin/env python3
"""The workloads of flambeau-bench for PyTorch, written as a PyTorch user writes them (see README.md)."""
import argparse
import gzip
import itertools
import json
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from torch_data import batches, classes, fill, images, stepper, uniform
from torch_shapes import is_shape, shape


# Where Debian's package dataset-fashion-mnist puts the files.
FASHION_MNIST = "/usr/share/datasets/fashion-mnist"


def loaded(augmented):
    """The batches of a run of W9."""
    return 100 if augmented else 400


def mlp():
    return fill(nn.Sequential(nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)))


def small_cnn():
    return fill(nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)))


def deep_cnn():
    layers, inputs = [], 3
    for outputs in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    return fill(nn.Sequential(*layers, nn.Flatten(), nn.Linear(2048, 10)))


# The workloads: each gives the function to time and what to check, as a number.

def training_small_cnn():
    model, data = small_cnn(), images(6400, (1, 28, 28), 64)
    model.eval()
    with torch.no_grad():
        check = cross_entropy(model(data[0][0]), data[0][1]).item()
    model.train()
    return stepper(model, torch.optim.Adam(model.parameters(), lr=0.001), itertools.cycle(data)), check


def training_deep_cnn():
    model, data = deep_cnn(), images(640, (3, 32, 32), 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    step = stepper(model, optimizer, itertools.cycle(data))
    return step, [step() for _ in range(3)][-1]


def inference_deep_cnn(size):
    model, data = deep_cnn().eval(), images(640, (3, 32, 32), size)
    check = model(data[0][0]).sum().item()
    round = itertools.cycle(data)
    return (lambda: model(next(round)[0])), check


def convolution(backward):
    x, w, b = uniform(13, 64, 16, 28, 28, low=-1), uniform(14, 32, 16, 3, 3, low=-1), uniform(15, 32, low=-1)
    forward = lambda: torch.nn.functional.conv2d(x, w, b, padding=1)
    if not backward:
        return forward, forward().flatten()[0].item()
    for tensor in (x, w, b):
        tensor.requires_grad_()

    def step():
        x.grad = w.grad = b.grad = None
        y = forward()
        y.sum().backward()
        return y

    step()
    return step, w.grad.flatten()[0].item()


def training(size, adam=False):
    model = mlp()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001) if adam else torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9)
    step = stepper(model, optimizer, itertools.cycle(batches(6400, 784, size)))
    return step, [step() for _ in range(20)][-1]


def inference(size):
    model = mlp().eval()
    data = [x for x, _ in batches(6400, 784, size)]
    check = model(data[0]).sum().item()
    data = itertools.cycle(data)
    return (lambda: model(next(data))), check


def product(size):
    a, b = (uniform(seed, size, size, low=-1, high=1) for seed in (11, 12))
    return (lambda: a @ b), (a @ b)[0, 0].item()


def elementwise(size):
    a, b, c = (uniform(seed, size, low=-1, high=1) for seed in (16, 17, 18))

    def formula():
        return torch.relu(a * b + c)

    return formula, formula()[5].item()


def loss_forward():
    logits, targets = uniform(19, 4096, 1000, low=-2, high=2), classes(20, 4096, 1000)

    def loss():
        return cross_entropy(logits, targets).item()

    return loss, loss()


def loss_backward():
    logits, targets = uniform(19, 4096, 1000, low=-2, high=2).requires_grad_(), classes(20, 4096, 1000)

    def step():
        logits.grad = None
        loss = cross_entropy(logits, targets)
        loss.backward()
        return loss

    return step, step().item()


def summed(dim):
    x = uniform(21, 4096, 4096, low=-1, high=1)
    return (lambda: x.sum(dim)), x.sum(dim)[1].item()


def tiny(gradient):
    x, c = torch.tensor([1.0], requires_grad=gradient), torch.tensor([0.001])

    def chain():
        y = x
        for _ in range(1000):
            y = y + c
        return y

    def with_backward():
        x.grad = None
        y = chain()
        y.backward()
        return y

    call = with_backward if gradient else chain
    return call, call().item()


def himmelblau():
    def descend(steps):
        p = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.SGD([p], lr=0.001)
        for _ in range(steps):
            optimizer.zero_grad()
            x, y = p[0], p[1]
            loss = (x ** 2 + y - 11) ** 2 + (x + y ** 2 - 7) ** 2
            loss.backward()
            optimizer.step()
        return p.tolist()

    return (lambda: descend(20_000)), descend(2_000)


def first_step():
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = batches(64, 784, 64)[0]
    optimizer.zero_grad()
    loss = cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def fashion_mnist(workers, augmented):
    """What a PyTorch user writes: torchvision's own data set or a TensorDataset, shuffled, in a DataLoader."""
    def pixels(name, skip):
        return torch.frombuffer(bytearray(gzip.open(f"{FASHION_MNIST}/{name}").read()[skip:]), dtype=torch.uint8)

    x = pixels("train-images-idx3-ubyte.gz", 16).view(-1, 28, 28)
    y = pixels("train-labels-idx1-ubyte.gz", 8).long()
    floats = x.unsqueeze(1).float() / 255
    if augmented:
        # On Pillow's images, as torchvision's data set gives them: their rotation is quicker than that of tensors.
        from PIL import Image
        from torchvision.transforms import v2
        check = ((floats[:64] - 0.286) / 0.353).mean().item()
        transform = v2.Compose([v2.RandomRotation(10), v2.RandomCrop(28, padding=2), v2.ToImage(),
                                v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.286,), (0.353,))])

        class Images(torch.utils.data.Dataset):
            def __len__(self):
                return len(x)

            def __getitem__(self, index):
                return transform(Image.fromarray(x[index].numpy())), int(y[index])

        data = Images()
    else:
        check = floats[:64].mean().item() + y[:64].float().mean().item()
        data = torch.utils.data.TensorDataset(floats, y)
    loader = torch.utils.data.DataLoader(data, 64, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    walk = itertools.chain.from_iterable(loader for _ in itertools.count())

    def run():
        for _ in range(loaded(augmented)):
            next(walk)

    run()
    return run, check


def epoch():
    """An epoch of 100 steps, in the order of the data. PyTorch has no trainer of its own."""
    from torch.utils.data import DataLoader, TensorDataset
    x, y = (torch.cat(parts) for parts in zip(*batches(6400, 784, 64)))
    model, loader = mlp(), DataLoader(TensorDataset(x, y), batch_size=64)

    def run():
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / 100

    return run, run()


# Which of them record gradients; for the others PyTorch's quickest mode is on.
GRADIENTS = {
    "W1_b32": lambda: training(32),
    "W1_b64": lambda: training(64),
    "W1_b200": lambda: training(200),
    "W2_b64": lambda: training(64, adam=True),
    "W3_b64": training_small_cnn,
    "W4_b64": training_deep_cnn,
    "W6_conv_fwdbwd": lambda: convolution(True),
    "W6_ce_fwdbwd": loss_backward,
    "W6_tiny_grad": lambda: tiny(True),
    "W7_himmelblau": himmelblau,
    "W10_by_hand_b64": epoch,
    "W10_trainer_b64": epoch,
}
NO_GRADIENTS = {
    "W5_mlp_b1": lambda: inference(1),
    "W5_mlp_b256": lambda: inference(256),
    "W5_cnn_b1": lambda: inference_deep_cnn(1),
    "W5_cnn_b64": lambda: inference_deep_cnn(64),
    "W6_conv_fwd": lambda: convolution(False),
    "W6_matmul512": lambda: product(512),
    "W6_matmul1024": lambda: product(1024),
    "W6_ew_1e6": lambda: elementwise(10 ** 6),
    "W6_ew_1e7": lambda: elementwise(10 ** 7),
    "W6_ce_fwd": loss_forward,
    "W6_sum_dim0": lambda: summed(0),
    "W6_sum_dim1": lambda: summed(1),
    "W6_tiny_nograd": lambda: tiny(False),
    **{f"W9_{kind}_w{workers}": lambda workers=workers, kind=kind: fashion_mnist(workers, kind == "augmented")
       for kind in ("plain", "augmented") for workers in (0, 1, 2)},
}


def measure(call, inner, options):
    """Rates of the repetitions, the use of the CPU, the calls in a repetition."""
    start, calls, quickest = time.perf_counter(), 0, float("inf")
    while calls < 2 or time.perf_counter() - start < options.warm:
        before = time.perf_counter()
        call()
        quickest = min(quickest, time.perf_counter() - before)
        calls += 1
    calls = max(1, int(np.ceil(options.min_time / quickest)))
    return (*repeat(call, options.reps, calls, inner), calls)


def repeat(call, reps, calls, inner):
    wall, cpu, rates = time.perf_counter(), time.process_time(), []
    for _ in range(reps):
        before = time.perf_counter()
        for _ in range(calls):
            call()
        rates.append(calls * inner / (time.perf_counter() - before))
    return rates, (time.process_time() - cpu) / (time.perf_counter() - wall)


def run(name, options):
    if is_shape(name):
        recording, begin = shape(name)
    else:
        recording = name in GRADIENTS
        begin = (GRADIENTS if recording else NO_GRADIENTS)[name]
    with torch.inference_mode(not recording):
        call, check = begin()
        if name == "W7_himmelblau":
            rates, used = repeat(call, 3, 1, 20_000)
            calls = 20_000
        elif name.startswith("W9_"):
            calls = loaded("augmented" in name)
            rates, used = repeat(call, 5, 1, calls)
        else:
            inner = 1000 if "tiny" in name else 100 if name.startswith("W10_") else 1
            rates, used, calls = measure(call, inner, options)
    values = [1e9 / rate for rate in rates] if "tiny" in name else rates
    return {
        "metric": "ns_per_op" if "tiny" in name else "steps_per_s",
        "value": statistics.median(values), "lo": min(values), "hi": max(values),
        "util": round(used, 3), "calls": calls, "check": check,
    }


def peak_rss_mb():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", help="names or beginnings of names; all but W8 if none")
    parser.add_argument("--peer", default="torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--min-time", type=float, default=0.4)
    parser.add_argument("--warm", type=float, default=0.5)
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="print the most memory that was resident too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    def emit(name, **fields):
        print(json.dumps({"peer": options.peer, "threads": options.threads, "workload": name, **fields}), flush=True)

    failed = False
    wanted = [name for name in sorted([*GRADIENTS, *NO_GRADIENTS])
              if not options.workloads or name.startswith(tuple(options.workloads))]
    for name in wanted + [name for name in options.workloads if is_shape(name)]:
        try:
            emit(name, **run(name, options))
            if options.memory:
                emit(name, metric="peak_rss_mb", value=peak_rss_mb())
        except Exception as error:  # the other workloads' figures still count
            emit(name, metric="error", value=None, error=repr(error))
            failed = True
    if "W8_cold".startswith(tuple(options.workloads) or "-"):
        print("FIRST_STEP_DONE", first_step(), flush=True)
        emit("W8_cold", metric="peak_rss_mb", value=peak_rss_mb())
    return failed


if __name__ == "__main__":
    sys.exit(main())
