"""Print the learning rates and momentums of PyTorch's schedulers, step by step, as JSON.

usage: record_schedulers.py > tests/recorded/schedulers.json

Two parameter groups with learning rates 0.5 and 0.05, momentum 0.9. For each case the values after construction and
after each of 30 steps.
"""

import json
import warnings

import torch
from torch.optim import SGD
from torch.optim import lr_scheduler as s

STEPS = 30
METRICS = [0.9, 0.8, 0.85, 0.8, 0.79995, 0.7, 0.7, 0.7, 0.7, 0.71, 0.7, 0.7, 0.7, 0.7, 0.7, 0.2] + [0.2] * 14
CASES = {
    "lambda": lambda o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "lambda_groups": lambda o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, lambda epoch: 1 / (1 + epoch)]),
    "multiplicative": lambda o: s.MultiplicativeLR(o, lambda epoch: 1 - 0.01 * epoch),
    "step": lambda o: s.StepLR(o, 7, gamma=0.3),
    "multi_step": lambda o: s.MultiStepLR(o, [3, 11, 11, 20], gamma=0.4),
    "constant": lambda o: s.ConstantLR(o, 0.3, 6),
    "linear": lambda o: s.LinearLR(o, 0.1, 0.8, 13),
    "exponential": lambda o: s.ExponentialLR(o, 0.93),
    "polynomial": lambda o: s.PolynomialLR(o, 17, power=1.7),
    "cosine": lambda o: s.CosineAnnealingLR(o, 9, eta_min=0.01),
    "restarts": lambda o: s.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.01),
    "restarts_equal": lambda o: s.CosineAnnealingWarmRestarts(o, 6),
    "one_cycle": lambda o: s.OneCycleLR(o, [1.0, 2.0], total_steps=31),
    "one_cycle_linear": lambda o: s.OneCycleLR(
        o, 0.7, total_steps=33, pct_start=0.4, anneal_strategy="linear", base_momentum=0.8, max_momentum=0.99,
        div_factor=10.0, final_div_factor=50.0, three_phase=True,
    ),
    "cyclic": lambda o: s.CyclicLR(o, 0.01, 0.3, step_size_up=4, step_size_down=7),
    "cyclic_half": lambda o: s.CyclicLR(o, [0.01, 0.02], [0.3, 0.4], step_size_up=5, mode="triangular2", cycle_momentum=False),
    "cyclic_exp": lambda o: s.CyclicLR(o, 0.01, 0.3, step_size_up=5, mode="exp_range", gamma=0.97),
    "plateau": lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=[0.1, 0.001]),
    "plateau_max": lambda o: s.ReduceLROnPlateau(o, mode="max", factor=0.3, patience=3, threshold=0.05, threshold_mode="abs"),
    "sequential": lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.2, 1.0, 5), s.CosineAnnealingLR(o, 10), s.ExponentialLR(o, 0.9)], [5, 17]),
    "sequential_constant": lambda o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 20), s.StepLR(o, 3, gamma=0.5)], [8]),
    "chained": lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 6), s.CosineAnnealingLR(o, 12), s.ExponentialLR(o, 0.95)]),
}


def run(make):
    leaves = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    optimizer = SGD([{"params": leaves[:1], "lr": 0.5}, {"params": leaves[1:], "lr": 0.05}], momentum=0.9)
    scheduler = make(optimizer)
    lrs, momentums = [], []
    for step in range(STEPS + 1):
        if step > 0:
            optimizer.step()
            scheduler.step(METRICS[step - 1]) if isinstance(scheduler, s.ReduceLROnPlateau) else scheduler.step()
        lrs.append([float(group["lr"]) for group in optimizer.param_groups])
        momentums.append([float(group["momentum"]) for group in optimizer.param_groups])
        assert step == 0 or [float(lr) for lr in scheduler.get_last_lr()] == lrs[-1]
    return {"lrs": lrs, "momentums": momentums if any(m != [0.9, 0.9] for m in momentums) else []}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({"torch": torch.__version__, "metrics": METRICS, "cases": {name: run(make) for name, make in CASES.items()}}))
