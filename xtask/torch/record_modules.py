"""Record outputs and gradients of PyTorch's own module samples.

usage: record_modules.py OUT

Evaluates the samples of PyTorch's module database (f32 on the CPU) for the modules that Flambeau has, each in training
and, where that differs, in evaluation mode; numbers have 8 bits of precision. Left out are samples that draw numbers (dropout in training mode), that need
a dtype that Flambeau lacks, or that are too large; each is counted in what is printed.

OUT is a safetensors file, gzipped when its name ends in .gz. Its metadata `samples` is a JSON list of samples:
`module`, `arguments` of the constructor by name, `training`, the `inputs` of forward by name; a tensor in them is
`{"tensor": key}`. A sample's tensors are `{index}.state.*`, `{index}.in.*`, `{index}.after.*` (buffers that the call changed),
`{index}.out.{j}`, and for the cotangents of record.py the gradients `{index}.grad.in.*` and `{index}.grad.state.*`.
"""

import collections
import gzip
import inspect
import json
import pathlib
import re
import sys
import warnings

import torch
from torch import nn
from torch.testing._internal.common_modules import module_db

from record import cotangent, save_sorted

ROOT = pathlib.Path(__file__).parents[2]
LARGEST = 8_192  # bytes of one sample's tensors
MANY = {"CrossEntropyLoss": 1_536, "NLLLoss": 1_536}  # the same, where there are many samples
# The constructors of the recurrent layers take *args.
RECURRENT = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"]
RECURRENT = {"LSTM": [*RECURRENT, "proj_size"], "GRU": RECURRENT, "RNN": [*RECURRENT[:3], "nonlinearity", *RECURRENT[3:]]}


class Skip(Exception):
    """Why a sample is left out."""


def ours():
    """The names that Flambeau exports from its layers and losses."""
    sources = [ROOT / "crates/nn/src" / name for name in ("layers/mod.rs", "losses/mod.rs")]
    uses = " ".join(" ".join(re.findall(r"pub use ([^;]*);", source.read_text())) for source in sources)
    return set(re.findall(r"\b[A-Z]\w*", uses))


def named(function, args, kwargs, order=None):
    """The arguments of a call by their names, less the dtype and the device."""
    order = order or [name for name in inspect.signature(function).parameters if name != "self"]
    if len(args) > len(order):
        raise Skip("arguments without a name")
    named = dict(zip(order, args)) | kwargs
    return {name: value for name, value in named.items() if name not in ("dtype", "device")}


def flat(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for part in value for tensor in flat(part)] if isinstance(value, (tuple, list)) else []


def written(value, key, tensors):
    """A value as JSON; its tensors are put aside under keys that begin with `key`."""
    if isinstance(value, torch.Tensor):
        if value.dtype not in (torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool):
            raise Skip(f"{value.dtype}".removeprefix("torch."))
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, (tuple, list)):
        return [written(part, f"{key}.{i}", tensors) for i, part in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise Skip(f"an argument of type {type(value).__name__}")


def record(kind, sample, training, index, largest):
    """One sample as JSON, and its tensors."""
    order = RECURRENT.get(kind.__name__)
    constructor, call = sample.constructor_input, sample.forward_input
    arguments = named(kind.__init__, constructor.args, constructor.kwargs, order)
    torch.manual_seed(0)
    module = kind(**arguments).train(training)
    if training and any(arguments.get(name) for name in ("dropout", "p") if "ropout" in name + kind.__name__):
        raise Skip("draws numbers")
    with torch.no_grad():  # zeros and ones, as many parameters are at first, would hide faults
        for parameter in module.parameters():
            parameter.copy_(rounded(torch.randn_like(parameter) * 0.5))
        for buffer in module.buffers():
            if buffer.is_floating_point():
                buffer.copy_(rounded(torch.rand_like(buffer) + 0.5))

    tensors = {}
    # Strides are kept out of the file; so are inputs that share memory.
    inputs = {name: contiguous(value) for name, value in named(kind.forward, call.args, call.kwargs).items()}
    description = {
        "module": kind.__name__,
        "arguments": written(list(arguments.values()), f"{index}.args", tensors),
        "training": training,
        "inputs": {name: written(value, f"{index}.in.{name}", tensors) for name, value in inputs.items()},
    }
    description["arguments"] = dict(zip(arguments, description["arguments"]))
    leaves = {key: tensor for key, tensor in tensors.items() if tensor.requires_grad}
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}

    outputs = flat(module(**inputs))
    roots = [(y, cotangent(y, j)) for j, y in enumerate(outputs) if y.requires_grad]
    if roots:
        torch.autograd.backward(*zip(*roots))
    tensors |= {f"{index}.state.{key}": tensor for key, tensor in state.items()}
    after = module.state_dict()
    tensors |= {f"{index}.after.{key}": after[key] for key in state if not torch.equal(after[key], state[key])}
    tensors |= {f"{index}.out.{j}": y for j, y in enumerate(outputs)}
    gradients = {f"{index}.grad.{key.split('.', 1)[1]}": leaf.grad for key, leaf in leaves.items()}
    gradients |= {f"{index}.grad.state.{key}": parameter.grad for key, parameter in module.named_parameters()}
    tensors |= {key: grad for key, grad in gradients.items() if grad is not None}
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if size > largest:
        raise Skip(f"more than {largest} bytes")
    return description, {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}


def rounded(tensor):
    """The values with 8 bits of precision, which makes the file small."""
    return tensor.bfloat16().to(tensor.dtype) if tensor.is_floating_point() else tensor


def contiguous(value):
    if isinstance(value, torch.Tensor):
        copy = value.detach().clone(memory_format=torch.contiguous_format)
        return rounded(copy).requires_grad_(value.requires_grad)
    return tuple(contiguous(part) for part in value) if isinstance(value, (tuple, list)) else value


def main(out):
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    known, samples, tensors, skipped = ours(), [], {}, collections.Counter()
    kept = collections.Counter()
    for info in module_db:
        if info.module_cls.__name__ not in known:
            continue
        seen = set()
        for training in (True, False) if info.train_and_eval_differ else (True,):
            torch.manual_seed(0)
            inputs = info.module_inputs_func(
                info, device="cpu", dtype=torch.float32, requires_grad=True, training=training
            )
            for sample in inputs:
                largest = MANY.get(info.module_cls.__name__, LARGEST)
                try:
                    description, stored = record(info.module_cls, sample, training, len(samples), largest)
                except Skip as reason:
                    skipped[info.module_cls.__name__, str(reason)] += 1
                    continue
                # Such as a sample in evaluation mode of a module without dropout: it proves nothing more.
                text = json.dumps(description | {"training": None}).replace(f'"{len(samples)}.', '"')
                values = b"".join(tensor.numpy().tobytes() for tensor in stored.values())
                if (text, values) in seen:
                    skipped[info.module_cls.__name__, "the same again"] += 1
                    continue
                seen.add((text, values))
                kept[info.module_cls.__name__] += 1
                samples.append(description)
                tensors |= stored
    stored = save_sorted(tensors, {"torch": torch.__version__, "samples": json.dumps(samples)})
    out.write_bytes(gzip.compress(stored, 9, mtime=0) if out.suffix == ".gz" else stored)
    for name, count in sorted(kept.items()):
        print(f"{name}: {count}")
    for (name, reason), count in sorted(skipped.items()):
        print(f"left out of {name}: {count}, {reason}")
    missing = known & {name for name in dir(nn)} - set(kept)
    print(f"no samples in PyTorch: {', '.join(sorted(missing))}")
    print(f"{out}: {len(samples)} samples, {out.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
