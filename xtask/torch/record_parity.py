"""Record what PyTorch answers to the samples of its own op database, for `cargo xtask parity OUT`.

usage: record_parity.py OUT [--neural] [OP ...]

Writes OUT/ops.safetensors and OUT/ops.json. OP is a name in PyTorch's op_db; without one, OPS below are recorded, or
NEURAL with --neural. Every entry of that name is (`max` has three), in f32; in i64 or bool only where it has no f32.
A sample is left out if one of its tensors is large or of a kind that we do not have, if an argument has no place in
JSON, or if its output is random. One row for each entry says how many were kept and why the rest were not.
"""

import collections
import json
import math
import numbers
import os
import pathlib
import random
import sys
import warnings

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_map_only

from record import cotangent, save_sorted

OPS = """
    abs acos add addcdiv addcmul asin atan ceil clamp clamp_max clamp_min cos cosh div eq erf exp exp2 expm1 floor fmod
    ge gt isfinite isinf isnan le lerp log log10 log1p log2 logical_and logical_not logical_or logical_xor lt maximum
    minimum mul nan_to_num ne neg pow reciprocal remainder round rsqrt sigmoid sign sin sinh sqrt square sub tan tanh
    trunc where xlogy masked_fill
    all amax amin any argmax argmin cumprod cumsum kthvalue logsumexp max mean median min norm prod std sum trace var
    argsort sort topk
    __getitem__ broadcast_to cat chunk clone contiguous diag diagonal expand flatten flip gather index_add index_put
    index_select masked_select meshgrid movedim narrow nonzero permute repeat reshape roll scatter scatter_add select
    slice split split_with_sizes squeeze stack t tile transpose tril triu unbind unflatten unfold unsqueeze view
    addmm bmm dot einsum matmul mm mv outer
    arange eye full full_like linspace ones ones_like zeros zeros_like
""".split()
NEURAL = """
    linear conv1d conv2d conv_transpose2d
    max_pool1d max_pool2d avg_pool1d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d
    batch_norm group_norm instance_norm layer_norm normalize rms_norm
    cosine_similarity embedding interpolate one_hot pad scaled_dot_product_attention unfold
    celu elu gelu glu hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish prelu relu relu6 selu silu softmin
    softplus softsign tanhshrink threshold
    binary_cross_entropy binary_cross_entropy_with_logits cross_entropy huber_loss kl_div l1_loss mse_loss nll_loss
    smooth_l1_loss
""".split()
NEURAL = [f"nn.functional.{name}" for name in NEURAL] + ["softmax", "log_softmax"]

LARGEST = 4096  # elements of an input
DTYPES = {torch.float32, torch.float64, torch.int64, torch.int32, torch.bool}
# Their op_db function takes the first two arguments the other way round than PyTorch's.
SWAPPED = {"where", "einsum", "nn.functional.embedding"}
# Arguments that say nothing where there is one device and one layout.
DEFAULTS = {
    "device": ("cpu", torch.device("cpu"), None),
    "layout": (torch.strided, None),
    "memory_format": (torch.contiguous_format, torch.preserve_format, None),
    "pin_memory": (False, None),
}


class Skip(Exception):
    """A sample that is not recorded, and why."""


def require(condition, reason):
    if not condition:
        raise Skip(reason)


def check_tensor(tensor):
    require(tensor.layout is torch.strided and not tensor.is_nested, "a layout other than strided")
    require(tensor.dtype in DTYPES, f"a tensor of {tensor.dtype}")


def contiguous(tensor):
    """A copy without history, so that no op can write into what was recorded."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def swap(op, args):
    return [args[1], args[0], *args[2:]] if op.name in SWAPPED else args


def encode(value, name, tensors):
    """One argument for JSON; its tensors are appended to `tensors`, and named after `name` and their place there."""
    if isinstance(value, torch.Tensor):
        check_tensor(value)
        require(value.numel() <= LARGEST, f"an input of more than {LARGEST} elements")
        tensors.append(value)
        return {"tensor": f"{name}.a{len(tensors) - 1}", "requires_grad": value.requires_grad}
    if isinstance(value, (list, tuple)):  # a torch.Size too
        return {"list": [encode(item, name, tensors) for item in value]}
    if isinstance(value, slice):
        parts = [value.start, value.stop, value.step]
        require(all(part is None or isinstance(part, int) for part in parts), "a slice whose bounds are no integers")
        return {"slice": parts}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value)}
    if isinstance(value, (bool, numpy.bool_)):
        return {"value": bool(value)}
    if isinstance(value, numbers.Integral):
        require(-(2**63) <= value < 2**63, "an integer of more than 64 bits")
        return {"value": int(value)}
    if isinstance(value, numbers.Real):
        return {"value": float(value) if math.isfinite(value) else str(float(value))}
    require(value is None or isinstance(value, str), f"an argument of type {type(value).__name__}")
    require(value not in ("inf", "-inf", "nan"), "a string that would read as a number")
    return {"value": value}


def flatten(outputs):
    """The tensors of an output in order."""
    if isinstance(outputs, (list, tuple)):
        return [y for part in outputs for y in flatten(part)]
    require(isinstance(outputs, torch.Tensor), f"an output of type {type(outputs).__name__}")
    check_tensor(outputs)
    return [outputs]


def evaluate(op, args, kwargs, seed):
    """Outputs, cotangents by output, and gradients by argument tensor, with contiguous copies for arguments."""
    inputs = []

    def copy(tensor):
        inputs.append(contiguous(tensor).requires_grad_(tensor.requires_grad))
        return inputs[-1]

    args, kwargs = tree_map_only(torch.Tensor, copy, (args, kwargs))
    torch.manual_seed(seed)
    outputs = flatten(op(*swap(op, args), **kwargs))
    cotangents = {j: cotangent(y, j) for j, y in enumerate(outputs) if y.requires_grad and y.is_floating_point()}
    wanted = {k: x for k, x in enumerate(inputs) if x.requires_grad}
    if not cotangents or not wanted:
        return outputs, {}, {}
    roots = [outputs[j] for j in cotangents]
    grads = torch.autograd.grad(roots, list(wanted.values()), list(cotangents.values()), allow_unused=True)
    require(all(g is None or g.layout is torch.strided for g in grads), "a sparse gradient")
    return outputs, cotangents, dict(zip(wanted, grads, strict=True))


def bits(evaluated):
    """What two evaluations must have in common."""
    outputs, _, grads = evaluated
    tensors = [*outputs, *grads.values()]
    return [None if x is None else (x.dtype, x.shape, contiguous(x).numpy().tobytes()) for x in tensors]


def record(op, sample, name):
    """A case and its tensors."""
    kwargs = {}
    for key, value in sorted(sample.kwargs.items()):  # sorted, so that gradients have one order in any reader
        if key in DEFAULTS:
            require(value in DEFAULTS[key], f"{key}={value}")
        else:
            kwargs[key] = value
    # Its op_db function sets the seed itself, so that two evaluations agree.
    require(not kwargs.get("dropout_p"), "random: dropout_p")
    args = swap(op, [sample.input, *sample.args])
    if op.name == "__getitem__" and isinstance(args[1], list):
        args[1] = (args[1],)  # means the same; as JSON, x[[1, 2]] would be x[1, 2]

    inputs = []
    case = {"op": op.name, "variant": op.variant_test_name}
    case["args"] = [encode(value, name, inputs) for value in args]
    case["kwargs"] = {key: encode(value, name, inputs) for key, value in kwargs.items()}
    tensors = {f"{name}.a{k}": contiguous(x) for k, x in enumerate(inputs)}
    outputs, cotangents, grads = first = evaluate(op, args, kwargs, 0)
    require(bits(first) == bits(evaluate(op, args, kwargs, 1)), "random: two seeds differ")

    case["out"] = [f"{name}.o{j}" for j in range(len(outputs))]
    tensors |= {f"{name}.o{j}": contiguous(y) for j, y in enumerate(outputs)}
    if cotangents:
        case["cotangents"] = {str(j): f"{name}.c{j}" for j in cotangents}
        case["grads"] = [None if g is None else f"{name}.g{k}" for k, g in grads.items()]
        tensors |= {f"{name}.c{j}": c for j, c in cotangents.items()}
        tensors |= {f"{name}.g{k}": contiguous(g) for k, g in grads.items() if g is not None}
    return case, tensors


def samples_of(op, dtype):
    """The samples of one op_db entry, the same whichever other entries are recorded."""
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)
    return list(op.sample_inputs("cpu", dtype, requires_grad=op.supports_autograd and dtype.is_floating_point))


def main(out, names):
    entries = [op for name in names for op in op_db if op.name == name]
    missing = sorted(set(names) - {op.name for op in entries})
    if missing:
        sys.exit(f"not in PyTorch's op_db: {', '.join(missing)}")
    torch.set_num_threads(1)  # one order of summation on every machine
    warnings.simplefilter("ignore")  # deprecated forms are samples too

    cases, tensors, left_out = [], {}, 0
    for op in entries:
        title = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
        dtype = next((d for d in (torch.float32, torch.int64, torch.bool) if d in op.supported_dtypes("cpu")), None)
        if dtype is None:
            print(f"{title:<48} no dtype of ours on the CPU")
            continue
        before, skipped = len(cases), collections.Counter()
        for sample in samples_of(op, dtype):
            try:
                case, recorded = record(op, sample, str(len(cases)))
                cases.append(case)
                tensors |= recorded
            except Skip as skip:
                skipped[str(skip)] += 1
            except Exception as error:  # PyTorch's own, or one of contiguous arguments
                skipped[f"{type(error).__name__}: {str(error)[:80]!r}"] += 1
        left_out += skipped.total()
        reasons = "; ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        print(f"{title:<48} {len(cases) - before:>4} kept {skipped.total():>4} skipped  {reasons}".rstrip(), flush=True)

    out.mkdir(parents=True, exist_ok=True)
    (out / "ops.safetensors").write_bytes(save_sorted(tensors, {"torch": torch.__version__}))
    lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases)
    (out / "ops.json").write_text(f'{{"torch": {json.dumps(torch.__version__)}, "cases": [\n{lines}\n]}}\n')
    size = sum((out / file).stat().st_size for file in ("ops.json", "ops.safetensors"))
    print(f"{len(entries)} entries, {len(cases)} cases kept, {left_out} skipped, {len(tensors)} tensors, {size} bytes")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--neural"]
    if not arguments or arguments[0].startswith("-"):
        sys.exit(__doc__)
    if os.environ.get("PYTHONHASHSEED") != "0":  # some samples are made in the order of a set of strings
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    main(pathlib.Path(arguments[0]), arguments[1:] or (NEURAL if "--neural" in sys.argv else OPS))
