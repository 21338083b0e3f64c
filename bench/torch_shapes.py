"""Any shape of a family, shape/FAMILY/SIZES (src/shapes.rs), for PyTorch."""
import itertools
import re

import torch
from torch import nn
from torch.nn import functional as F

from torch_data import classes, fill, images, stepper, uniform


def floats(*shapes):
    return [uniform(seed, *shape, low=-1) for seed, shape in zip(itertools.count(30), shapes)]


def with_classes(shape, count, of):
    return [*floats(shape), classes(31, count, of)]


# Of certain sizes: the operation, and its operands.
OPS = {
    "chain": lambda n: (lambda a, b, c: torch.relu(a * b + c), floats((n,), (n,), (n,))),
    "relu": lambda n: (torch.relu, floats((n,))),
    "sigmoid": lambda n: (torch.sigmoid, floats((n,))),
    "tanh": lambda n: (torch.tanh, floats((n,))),
    "gelu": lambda n: (F.gelu, floats((n,))),
    "exp": lambda n: (torch.exp, floats((n,))),
    "add_row": lambda n, m: (torch.add, floats((n, m), (m,))),
    "mul_column": lambda n, m: (torch.mul, floats((n, m), (n, 1))),
    "transpose": lambda *n: (lambda x: x.t().contiguous(), floats(n)),
    "sum": lambda *n: (torch.sum, floats(n)),
    "sum_dim0": lambda *n: (lambda x: x.sum(0), floats(n)),
    "sum_dim1": lambda *n: (lambda x: x.sum(1), floats(n)),
    "max_dim1": lambda *n: (lambda x: x.max(1)[0], floats(n)),
    "softmax": lambda *n: (lambda x: x.softmax(1), floats(n)),
    "log_softmax": lambda *n: (lambda x: x.log_softmax(1), floats(n)),
    "cross_entropy": lambda n, m: (F.cross_entropy, with_classes((n, m), n, m)),
    "layer_norm": lambda n, m: (lambda x, w, b: F.layer_norm(x, w.shape, w, b), floats((n, m), (m,), (m,))),
    "embedding": lambda n, m, count: (lambda w, i: F.embedding(i, w), with_classes((n, m), count, n)),
    "matmul": lambda m, k, n: (torch.matmul, floats((m, k), (k, n))),
    "linear": lambda m, k, n: (F.linear, floats((m, k), (n, k), (n,))),
    "bmm": lambda b, m, k, n: (torch.matmul, floats((b, m, k), (b, k, n))),
    "conv": lambda b, c, s, o, k, stride, padding, groups: (
        lambda x, w, bias: F.conv2d(x, w, bias, stride, padding, 1, groups),
        floats((b, c, s, s), (o, c // groups, k, k), (o,))),
    "conv_transpose": lambda b, c, s, o, k, stride, padding: (
        lambda x, w, bias: F.conv_transpose2d(x, w, bias, stride, padding), floats((b, c, s, s), (c, o, k, k), (o,))),
    "max_pool": lambda b, c, s, k, stride: (lambda x: F.max_pool2d(x, k, stride), floats((b, c, s, s))),
    "batch_norm": lambda b, c, s: (
        lambda x, w, bias: F.batch_norm(x, None, None, w, bias, training=True), floats((b, c, s, s), (c,), (c,))),
}
NETWORKS = ("mlp", "mlp_adam", "mlp_infer", "cnn", "cnn_infer")


def size(x):
    """The mean of the elements' sizes, each with a weight of its own, so that their order counts."""
    return (x.abs() * uniform(28, *x.shape)).mean().item()


def operation(family, sizes, backward):
    call, inputs = OPS[family](*sizes)
    if not backward:
        return (lambda: call(*inputs)), size(call(*inputs))
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    gradient = uniform(29, *call(*inputs).shape, low=-1)

    def step():
        for x in inputs:
            x.grad = None
        y = call(*inputs)
        y.backward(gradient)
        return y

    step()
    return step, sum(size(x.grad) for x in inputs if x.grad is not None)


def network(family, sizes):
    batch = sizes[0]
    if family.startswith("mlp"):
        shape, layers = sizes[1:2], []
        for a, b in zip(sizes[1:], sizes[2:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        layers.pop()
    else:
        channels, side, first, second = sizes[1:]
        shape = [channels, side, side]
        layers = [nn.Conv2d(channels, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                  nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                  nn.Flatten(), nn.Linear(second * (side // 4) ** 2, 10)]
    model, data = fill(nn.Sequential(*layers)), images(8 * batch, shape, batch)
    walk = itertools.cycle(data)
    if family.endswith("_infer"):
        model.eval()
        return (lambda: model(next(walk)[0])), size(model(data[0][0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9) if family == "mlp" else torch.optim.Adam(
        model.parameters(), lr=0.001)
    step = stepper(model, optimizer, walk)
    return step, step()


def is_shape(name):
    match = re.fullmatch(r"shape/(\w+)/\d+(x\d+)*", name)
    return match is not None and (match[1] in NETWORKS or match[1].removesuffix("_grad") in OPS)


def shape(name):
    """Whether gradients are recorded, and how to begin."""
    family, sizes = name.split("/")[1:]
    sizes = [int(size) for size in sizes.split("x")]
    if family in NETWORKS:
        return not family.endswith("_infer"), lambda: network(family, sizes)
    backward = family.endswith("_grad")
    return backward, lambda: operation(family.removesuffix("_grad"), sizes, backward)
