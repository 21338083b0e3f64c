"""Record PyTorch's outputs and gradients of its recurrent layers and cells.

usage: recurrent.py OUT

OUT is a safetensors file, gzipped when its name ends in .gz. For each setting `{setting}.param.*` are the parameters,
`{setting}.in.{i}` the input and the first states, `{setting}.out.{i}` the outputs, `{setting}.grad.*` the gradients of
inputs and parameters for the cotangents of record.py.
"""

import gzip
import pathlib
import sys

import torch
from torch import nn

from record import cotangent, save_sorted

IN, HIDDEN, T, N = 3, 4, 5, 2
LAYERS = {
    "rnn": (nn.RNN, {}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu", "num_layers": 2, "bias": False}),
    "rnn_both": (nn.RNN, {"bidirectional": True, "batch_first": True}),
    "lstm": (nn.LSTM, {}),
    "lstm_all": (nn.LSTM, {"num_layers": 2, "bidirectional": True, "batch_first": True, "proj_size": 2}),
    "lstm_one": (nn.LSTM, {"num_layers": 3, "bias": False}),
    "gru": (nn.GRU, {}),
    "gru_both": (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    "gru_bare": (nn.GRU, {"bias": False}),
}
CELLS = {
    "rnn_cell": (nn.RNNCell, {}),
    "rnn_cell_relu": (nn.RNNCell, {"nonlinearity": "relu", "bias": False}),
    "lstm_cell": (nn.LSTMCell, {}),
    "gru_cell": (nn.GRUCell, {}),
}


def flat(value):
    return [value] if isinstance(value, torch.Tensor) else [tensor for part in value for tensor in flat(part)]


def run(name, module, x, states, tensors):
    """One call; `states` are those of the tuple, or none."""
    inputs = [x, *states]
    for tensor in inputs:
        tensor.requires_grad_()
    state = tuple(states) if isinstance(module, (nn.LSTM, nn.LSTMCell)) else (states or [None])[0]
    outputs = flat(module(x, state if states else None))
    parameters = dict(module.named_parameters())
    cotangents = [cotangent(y, j) for j, y in enumerate(outputs)]
    grads = torch.autograd.grad(outputs, inputs + list(parameters.values()), cotangents)
    for i, (tensor, grad) in enumerate(zip(inputs, grads)):
        tensors |= {f"{name}.in.{i}": tensor.detach(), f"{name}.grad.in.{i}": grad}
    for (key, tensor), grad in zip(parameters.items(), grads[len(inputs) :], strict=True):
        tensors |= {f"{name}.param.{key}": tensor.detach(), f"{name}.grad.param.{key}": grad}
    tensors |= {f"{name}.out.{i}": tensor.detach() for i, tensor in enumerate(outputs)}


def main(out):
    torch.manual_seed(0)
    tensors = {}
    for name, (kind, options) in LAYERS.items():
        module = kind(IN, HIDDEN, **options)
        rows = module.num_layers * (2 if module.bidirectional else 1)
        sizes = [module.proj_size or HIDDEN] + ([HIDDEN] if kind is nn.LSTM else [])
        shape = (N, T, IN) if module.batch_first else (T, N, IN)
        states = [torch.randn(rows, N, size) for size in sizes]
        run(name, module, torch.randn(shape), states, tensors)
        run(f"{name}.zero", module, torch.randn(shape), [], tensors)
        run(f"{name}.single", module, torch.randn(T, IN), [h[:, 0].detach().clone() for h in states], tensors)
    for name, (kind, options) in CELLS.items():
        module = kind(IN, HIDDEN, **options)
        count = 2 if kind is nn.LSTMCell else 1
        run(name, module, torch.randn(N, IN), [torch.randn(N, HIDDEN) for _ in range(count)], tensors)
        run(f"{name}.zero", module, torch.randn(N, IN), [], tensors)
        run(f"{name}.single", module, torch.randn(IN), [torch.randn(HIDDEN) for _ in range(count)], tensors)
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    stored = save_sorted(tensors, {"torch": torch.__version__})
    out.write_bytes(gzip.compress(stored, 9, mtime=0) if out.suffix == ".gz" else stored)
    print(f"{out}: {out.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
