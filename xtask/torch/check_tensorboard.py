"""Reads with PyPI's tensorboard what crates/train/examples/tensorboard.rs wrote.

    python -m pip install tensorboard
    cargo run -p flambeau-train --features tensorboard --example tensorboard DIR
    python xtask/torch/check_tensorboard.py DIR
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
events.Reload()
for name, scale in [("train/loss", 1), ("val/loss", 2)]:
    read = [(e.step, e.value) for e in events.Scalars(name)]
    assert [step for step, _ in read] == list(range(1, 13)), read
    assert all(abs(value - scale / step) < 1e-6 for step, value in read), read
(text,) = events.Tensors("notes/text_summary")
assert tensor_util.make_ndarray(text.tensor_proto).item().decode() == "ein *Feuer* 火"
(weights,) = events.Histograms("weights")
h = weights.histogram_value
assert (h.min, h.max, h.num, h.sum) == (0, 299, 300, 299 * 150), h
assert len(h.bucket) == 30 and set(h.bucket) == {10}, h
(constant,) = events.Histograms("constant")
assert list(constant.histogram_value.bucket) == [4], constant
print("tensorboard reads", sorted(events.Tags()["scalars"]), "histograms and texts, and forgets what was repeated")
