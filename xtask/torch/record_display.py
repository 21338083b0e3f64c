"""Print, as a JSON list, tensors and the text that PyTorch shows for them.

usage: record_display.py > display.json

Each entry: name, dtype, shape, requires_grad, data (flat, row-major; non-finite as "nan", "inf", "-inf"), repr.
An f32 value is written as the f64 that equals it.
"""

import json
import math

import torch

f32, f64, i32, i64, u8 = torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8
nan, inf = math.nan, math.inf


def tensors():
    t, arange = torch.tensor, torch.arange
    return {
        # No dimension, and no element.
        "scalar_integral": t(3.0),
        "scalar_fraction": t(0.1),
        "scalar_small": t(1e-5),
        "scalar_large": t(123456792.0),
        "scalar_i64": t(-7),
        "scalar_bool": t(True),
        "scalar_nan": t(nan),
        "scalar_f64": t(math.pi, dtype=f64),
        "empty": torch.zeros(0),
        "empty_rows": torch.zeros(0, 3),
        "empty_columns": torch.zeros(2, 0),
        "empty_i64": torch.zeros(0, dtype=i64),
        # Integers and bools.
        "i64": t([1, 2, 3]),
        "i64_widths": t([[1, -20], [300, 4]]),
        "i64_extremes": t([-(2**63), 2**63 - 1]),
        "i32": t([1, -2], dtype=i32),
        "u8": t([0, 7, 255], dtype=u8),
        "bool": t([True, False, True]),
        "bool_matrix": t([[True, False], [False, True]]),
        # Floats without a fraction: a bare point.
        "integral": t([1.0, 2.0, 3.0]),
        "integral_negative": t([[1.0, -10.0], [0.0, 100.0]]),
        "integral_negative_zero": t([-0.0, 0.0]),
        "integral_1000_to_1": t([1.0, 1000.0]),
        "integral_1001_to_1": t([1.0, 1001.0]),
        "integral_1e8": t([1e8, 2e7]),
        "integral_sci": t([200000000.0, 2e7]),
        # Four decimals, padded to the widest.
        "fraction": t([0.5, 0.25, 0.125]),
        "mixed": t([1.0, 2.5, -3.75]),
        "widths": t([0.5, 10.25, -100.125]),
        "rounds_half_to_even": t([0.03125, 0.09375, 0.15625, 0.59375]),
        # Scientific: the largest magnitude is above 1e8, the smallest below 1e-4, or their ratio above 1000.
        "largest_plain": t([99999.5, 1000.25]),
        "sci_large": t([123456789.0, 1.5]),
        "sci_small": t([0.00001, 0.5]),
        "sci_ratio": t([1000.5, 0.25]),
        "sci_ratio_edge": t([1000.5, 1.0]),
        "sci_negative": t([[-1e-7, 2.5e10], [3.0, -4.0]]),
        "sci_three_digit_exponent": t([1e-300, 1e200], dtype=f64),
        # Not a number, and infinite.
        "nan_inf_integral": t([nan, inf, -inf, 1.0]),
        "nan_inf_fraction": t([nan, inf, -inf, 1.5]),
        "nan_inf_sci": t([nan, -inf, 1e-8, 1.5]),
        "nan_only": t([nan, nan]),
        # A dtype that is not the default is named.
        "f64": t([0.1, 0.2], dtype=f64),
        "f64_integral": t([[1.0, 2.0]], dtype=f64),
        # More dimensions.
        "matrix": t([[0.5, -1.25, 2.0], [30.0, 4.5, 5.0]]),
        "column": t([[1.5], [-2.5], [3.0]]),
        "cube": (arange(12, dtype=f32) / 8).reshape(2, 3, 2),
        "cube_i64": arange(8).reshape(2, 2, 2),
        "four_dimensions": (arange(16, dtype=f32) - 8).reshape(2, 2, 2, 2),
        # Lines end before column 80.
        "long_i64": arange(40) * 7 - 100,
        "long_integral": arange(30, dtype=f32),
        "long_fraction": arange(25, dtype=f32) / 16,
        "long_sci": 2.0 ** (arange(20, dtype=f32) - 10),
        "long_bool": arange(30) % 3 == 0,
        "suffix_on_its_own_line": arange(9, dtype=f64) / 16,
        "long_rows": (arange(28, dtype=f32) / 4).reshape(2, 14),
        # Above 1000 elements: three at each end.
        "all_of_1000": arange(1000),
        "summary_1d": arange(1001, dtype=f32),
        "summary_2d": (arange(1008, dtype=f32) / 2).reshape(28, 36),
        "summary_long_row": arange(1002).reshape(2, 501),
        "summary_3d": (arange(1050) % 10).reshape(7, 6, 25),
        "summary_width_of_shown": torch.where(arange(1001) == 500, 1e6, 0.5),
        # Autograd.
        "requires_grad": t([0.5, 1.0], requires_grad=True),
        "requires_grad_f64": t([[1.0], [2.0]], dtype=f64, requires_grad=True),
        "requires_grad_empty": torch.zeros(0, requires_grad=True),
        "requires_grad_long": (arange(12, dtype=f32) / 16).requires_grad_(),
    }


def plain(value):
    """JSON has no non-finite number."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def entry(name, tensor):
    return {
        "name": name,
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "requires_grad": tensor.requires_grad,
        "data": [plain(value) for value in tensor.detach().flatten().tolist()],
        "repr": repr(tensor),
    }


if __name__ == "__main__":
    lines = [json.dumps(entry(name, tensor), separators=(",", ":")) for name, tensor in tensors().items()]
    print("[\n" + ",\n".join(lines) + "\n]")
