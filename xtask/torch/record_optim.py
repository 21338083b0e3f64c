"""Record 25 steps of PyTorch's optimisers in every setting of its own optimiser database.

usage: record_optim.py OUT

OUT is a safetensors file, gzipped when its name ends in .gz. The note `cases` lists the runs; run i has
`{i}.f64` and `{i}.f32`: the parameters after each step, concatenated. At step 8 the second parameter has no gradient.
Where the database has variants of one computation (foreach, fused, capturable), the plain one is taken, and a tensor
as learning rate counts as its number. Each optimiser has one more run, with two parameter groups. `average.*` are
the averages of `torch.optim.swa_utils` over a run of SGD, and `clip.*` what `clip_grad_norm_` gives.
"""

import gzip
import json
import pathlib
import sys

import torch
from torch.optim import swa_utils
from torch.testing._internal.common_optimizers import optim_db

from record import save_sorted

STEPS, MISSING = 25, 8
NAMES = "SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam Rprop ASGD LBFGS".split()
SHAPES = [(2, 2), (3,), ()]
START = [0.5, -0.75, 1.25, 0.25, -1.0, 0.75, 0.5, -0.25]
TARGET = [1.0, 0.5, -0.25, 0.75, -0.5, 1.5, -1.0, 0.25]
CURVATURE = [1.0, 0.5, 2.0, 1.5, 0.25, 3.0, 0.75, 1.25]


def parameters(dtype):
    start, params = torch.tensor(START, dtype=dtype), []
    for shape in SHAPES:
        n = torch.Size(shape).numel()
        params.append(start[:n].reshape(shape).clone().requires_grad_())
        start = start[n:]
    return params


def objective(params):
    x = torch.cat([p.reshape(-1) for p in params])
    curvature, target = (torch.tensor(v, dtype=x.dtype) for v in (CURVATURE, TARGET))
    valley = x[1:] - x[:-1] * x[:-1]
    return (curvature * (x - target) ** 2).sum() / 2 + (valley * valley).sum() / 10


def run(name, groups, kwargs, dtype, watch=lambda params: None):
    torch.set_default_dtype(dtype)  # the dtype of numbers in the state
    params = parameters(dtype)
    if groups is not None:
        split = [{"params": params[:1]}, {"params": params[1:], **groups}]
    optimizer = getattr(torch.optim, name)(params if groups is None else split, **kwargs)
    rows = []
    for step in range(1, STEPS + 1):

        def closure():
            optimizer.zero_grad()
            loss = objective(params) * (-1 if kwargs.get("maximize") else 1)
            loss.backward()
            if step == MISSING:
                params[1].grad = None
            return loss

        optimizer.step(closure)
        rows.append(torch.cat([p.detach().reshape(-1) for p in params]))
        watch(params)
    torch.set_default_dtype(torch.float32)
    return torch.stack(rows)


def plain(value):
    return round(float(value), 9) if isinstance(value, torch.Tensor) else value


def cases():
    for info in optim_db:
        name = info.optim_cls.__name__
        if name not in NAMES:
            continue
        settings = []
        for given in info.optim_inputs_func("cpu"):
            kwargs = {key: plain(value) for key, value in given.kwargs.items()}
            if not {"capturable", "differentiable", "foreach", "fused"} & kwargs.keys() and kwargs not in settings:
                settings.append(kwargs)
        for kwargs in settings:
            yield {"optimizer": name, "kwargs": kwargs, "second_group": None}
        if name != "LBFGS":
            kwargs = {"lr": 0.02} if name == "Rprop" else {"lr": 0.02, "weight_decay": 0.05}
            yield {"optimizer": name, "kwargs": kwargs, "second_group": {"lr": 0.005}}


def averages(kind, dtype):
    """The averaged parameters after each update; the model is the list of parameters."""

    class Model(torch.nn.Module):
        def __init__(self, params):
            super().__init__()
            self.params = torch.nn.ParameterList(params)

    function = swa_utils.get_ema_multi_avg_fn(0.9) if kind == "ema" else None
    averaged, rows = None, []

    def watch(params):
        nonlocal averaged
        model = Model([torch.nn.Parameter(p.detach().clone()) for p in params])
        averaged = averaged or swa_utils.AveragedModel(model, multi_avg_fn=function)
        averaged.update_parameters(model)
        rows.append(torch.cat([p.detach().reshape(-1) for p in averaged.module.parameters()]))

    run("SGD", None, {}, dtype, watch)
    return torch.stack(rows)


def main(out):
    torch.set_num_threads(1)
    tensors, listed = {}, list(cases())
    for i, case in enumerate(listed):
        for label, dtype in (("f64", torch.float64), ("f32", torch.float32)):
            rows = run(case["optimizer"], case["second_group"], case["kwargs"], dtype)
            assert rows.isfinite().all(), case
            tensors[f"{i}.{label}"] = rows
    for kind in ("ema", "swa"):
        tensors[f"average.{kind}.f64"] = averages(kind, torch.float64)
        tensors[f"average.{kind}.f32"] = averages(kind, torch.float32)
    for norm_type in (1.0, 2.0, 3.5, float("inf")):
        params = parameters(torch.float64)
        objective(params).backward()
        params[1].grad = None
        norm = torch.nn.utils.clip_grad_norm_(params, 0.5, norm_type)
        gradients = [p.grad.reshape(-1) for p in params if p.grad is not None]
        tensors[f"clip.{norm_type}"] = torch.cat([norm.reshape(1), *gradients])
    stored = save_sorted(tensors, {"cases": json.dumps(listed), "torch": torch.__version__})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(stored, 9, mtime=0) if out.suffix == ".gz" else stored)
    counts = {name: sum(case["optimizer"] == name for case in listed) for name in NAMES}
    print(f"{out}: {len(listed)} runs {counts}, {out.stat().st_size} bytes, PyTorch {torch.__version__}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
