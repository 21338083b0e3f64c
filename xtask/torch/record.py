"""Record what PyTorch answers to the op samples.

usage: record.py DIR

Reads DIR/samples.json and DIR/samples.safetensors, evaluates each sample's PyTorch expression and its gradients, and
writes DIR/recorded.safetensors. Keys: `{op}.{index}.x{k}` an input, `.y{j}` an output, `.g{k}` the gradient of x{k}.
"""

import json
import math
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save


def save_sorted(tensors, metadata):
    """Safetensors bytes with a sorted header: the library writes metadata in the order of a hash map, which changes."""
    stored = save(tensors, metadata)
    end = 8 + int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8:end])
    entries = {"__metadata__": dict(sorted(header.pop("__metadata__").items()))}
    entries |= sorted(header.items(), key=lambda entry: entry[1]["data_offsets"])
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned, as the library leaves it
    return len(text).to_bytes(8, "little") + text + stored[end:]


def cotangent(y, j):
    """The gradient handed to output j: element i is sin(1 + i + 7 j), which no symmetry of an op can hide behind."""
    i = torch.arange(y.numel(), dtype=torch.float64)
    return torch.sin(1 + i + 7 * j).reshape(y.shape).to(y.dtype)


def evaluate(sample, stored):
    """The tensors of one sample by their last key part: x0…, y0…, g0…"""
    inputs = [stored[key].clone() for key in sample["inputs"]]
    for x, needed in zip(inputs, sample["requires_grad"], strict=True):
        x.requires_grad_(needed)
    # A copy, for an expression may write into an input that needs no gradient.
    tensors = {f"x{k}": x.detach().clone() for k, x in enumerate(inputs)}

    torch.manual_seed(0)
    names = {"torch": torch, "F": F, "math": math} | {f"x{k}": x for k, x in enumerate(inputs)}
    outputs = eval(sample["torch"], names)  # they are ours, not a user's
    if isinstance(outputs, torch.Tensor):
        outputs = [outputs]
    if not isinstance(outputs, (tuple, list)) or not all(isinstance(y, torch.Tensor) for y in outputs):
        raise TypeError(f"returned {type(outputs).__name__}, not a tensor or a tuple of tensors")
    for j, y in enumerate(outputs):
        tensors[f"y{j}"] = y.detach().clone(memory_format=torch.contiguous_format)

    roots = [(y, cotangent(y, j)) for j, y in enumerate(outputs) if y.requires_grad and y.is_floating_point()]
    if roots:
        torch.autograd.backward(*zip(*roots))
    for k, x in enumerate(inputs):
        if x.grad is not None:
            tensors[f"g{k}"] = x.grad.clone(memory_format=torch.contiguous_format)
    return tensors


def main(folder):
    torch.set_num_threads(1)  # one order of summation on every machine
    samples = json.loads((folder / "samples.json").read_text())
    stored = load_file(folder / "samples.safetensors")
    recorded, metadata, failures = {}, {"torch": torch.__version__}, []
    for sample in samples:
        name = f"{sample['op']}.{sample['index']}"
        try:
            if name in metadata:
                raise ValueError("two samples have this name")
            metadata[name] = sample["torch"]
            for part, tensor in evaluate(sample, stored).items():
                recorded[f"{name}.{part}"] = tensor
        except Exception as error:  # one run names every bad sample
            failures.append(f"{name}: {sample.get('torch')}: {type(error).__name__}: {error}")
    if failures:
        sys.exit("\n".join(failures))
    (folder / "recorded.safetensors").write_bytes(save_sorted(recorded, metadata))
    print(f"{len(samples)} samples, {len(recorded)} tensors, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
