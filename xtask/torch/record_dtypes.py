"""Record what PyTorch's ops give on each dtype.

usage: record_dtypes.py crates/tensor/tests/recorded/dtypes.txt

Reads the calls (the lines that are not indented) and writes each with the dtype and the values of its results on bool,
uint8, int64, float32 and float64, or `error`. A call is an op and its arguments, as `tests/dtypes.rs` reads them too:
tensors by the letters below, keywords as key=value, lists without spaces.
"""

import pathlib
import re
import sys
import warnings

import torch

NAMES = ["bool", "uint8", "int64", "float32", "float64"]


def tensors(dtype):
    """The tensors that letters name: of the dtype, but for i, n (positions) and m (a mask)."""

    def make(values):
        t = torch.tensor(values, dtype=torch.float64)
        return ((t * 0.5 - 0.25) if dtype.is_floating_point else t).to(dtype)

    return {
        "x": make([[2, 0, 1], [3, 1, 2]]),
        "y": make([[1, 2, 1], [2, 3, 1]]),
        "s": make([[1, 0, 2], [3, 1, 0], [2, 2, 1]]),
        "v": make([1, 2, 0]),
        "w": make([2, 0, 1]),
        "b": make([[[1, 0], [2, 1]]]),
        "z": make(1),
        "i": torch.tensor([[0, 1, 1], [1, 0, 0]]),
        "n": torch.tensor([1, 0, 1]),
        "m": torch.tensor([True, False, True]),
    }


def argument(text, names):
    if text in names:
        return names[text].clone()
    if text in NAMES:
        return getattr(torch, text)
    if text.startswith("["):
        inner = re.findall(r"[^\[\],]+", text)
        return [argument(part, names) for part in inner]
    if text in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text]
    if text.startswith("'"):
        return text.strip("'")
    return float(text) if any(c in text for c in ".einf") else int(text)


def call(line, dtype):
    op, *words = line.split()
    names = tensors(dtype)
    args, kwargs = [], {}
    for word in words:
        key, given, value = word.partition("=")
        if given:
            kwargs[key] = argument(value, names)
        else:
            args.append(argument(word, names))
    function = torch
    for part in op.split("."):
        function = getattr(function, part, None) or getattr(torch.Tensor, part)
    result = function(*args, **kwargs)
    return [result] if isinstance(result, torch.Tensor) else list(result)


def shown(value):
    return {True: "1", False: "0"}.get(value) if isinstance(value, bool) else f"{value:.7g}"


def main(path):
    warnings.simplefilter("ignore")
    lines = [line for line in path.read_text().splitlines() if line and line[0] not in " #"]
    out = [f"# PyTorch {torch.__version__.split('+')[0]}, by xtask/torch/record_dtypes.py"]
    for line in lines:
        out.append(line)
        for name in NAMES:
            try:
                results = [
                    " ".join([str(y.dtype).removeprefix("torch.")] + [shown(v) for v in y.flatten().tolist()])
                    for y in call(line, getattr(torch, name))
                ]
                out.append(f"  {name}: " + "; ".join(results))
            except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
                if not isinstance(error, (RuntimeError, NotImplementedError)):
                    print(f"{line} on {name}: {error}", file=sys.stderr)
                out.append(f"  {name}: error")
    path.write_text("\n".join(out) + "\n")
    print(f"{len(lines)} calls")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
