"""Load the state_dict of every layer of Flambeau into PyTorch's layer, strictly.

usage: check_state_dicts.py DIR, after `cargo run -p flambeau-nn --example state_dicts DIR`

The name of a file in DIR is the expression of the layer. Besides strict loading this compares the
dtypes and the first values that do not depend on chance. Prints a line for each layer, and fails if one does.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file


def check(path):
    layer = eval(path.stem, vars(torch.nn))  # the names are ours, not a user's
    expected, ours = layer.state_dict(), load_file(path)
    if list(layer.state_dict()) and not ours:
        return "no tensors"
    for name in expected.keys() & ours.keys():
        theirs = expected[name]
        if ours[name].dtype != theirs.dtype:
            return f"{name} has dtype {ours[name].dtype}, PyTorch {theirs.dtype}"
        if theirs.unique().numel() == 1 and theirs.numel() > 1 and not torch.equal(ours[name], theirs):
            return f"{name} does not begin as in PyTorch"
    try:
        layer.load_state_dict(ours, strict=True)
    except RuntimeError as error:
        return str(error)
    return None


def main(folder):
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        sys.exit(f"{folder}: no files; first run the example state_dicts")
    faults = {path.stem: check(path) for path in paths}
    for name, fault in faults.items():
        print(f"{name}: {fault or 'ok'}")
    failed = sum(fault is not None for fault in faults.values())
    print(f"{len(faults) - failed} of {len(faults)} load, PyTorch {torch.__version__}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
