"""Records the metrics of scikit-learn that crates/train's tests compare with.

    python -m pip install scikit-learn
    python xtask/torch/record_metrics.py > crates/train/tests/recorded/metrics.json
"""

import json
import sys
import warnings

import numpy as np
from sklearn import metrics as m

# Classes that are never answered are among the cases.
warnings.filterwarnings("ignore")


def number(x):
    """JSON has no NaN."""
    return None if np.isnan(x) else float(x)


def per_class(y, p, classes, labels):
    out = {}
    for name, f in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
        out[name] = {
            "macro": f(y, p, average="macro", zero_division=0),
            "micro": f(y, p, average="micro", zero_division=0),
            "weighted": f(y, p, average="weighted", zero_division=0),
            "each": list(f(y, p, average=None, labels=labels, zero_division=0)),
        }
    return out


def scores(draw, n, classes, absent=()):
    s = draw.normal(size=(n, classes)).round(3)
    present = [c for c in range(classes) if c not in absent]
    y = draw.choice(present, size=n)
    # Better than chance.
    s[np.arange(n), y] += 0.8
    s[:, list(absent)] -= 50
    s = s.round(3)
    labels = list(range(classes))
    p = s.argmax(axis=1)
    probabilities = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    return {
        "scores": s.ravel().tolist(),
        "classes": classes,
        "targets": y.tolist(),
        "accuracy": m.accuracy_score(y, p),
        "top_k": [m.top_k_accuracy_score(y, s, k=k, labels=labels) if classes > 2 else None for k in range(1, classes)],
        "confusion": m.confusion_matrix(y, p, labels=labels).ravel().tolist(),
        "per_class": per_class(y, p, classes, labels),
        "auroc": None if classes == 2 or len(set(y)) < classes else m.roc_auc_score(y, probabilities, multi_class="ovr"),
        "auroc_each": [number(m.roc_auc_score(y == c, s[:, c])) if 0 < (y == c).sum() < n else None for c in labels],
    }


def binary(draw, n, ties):
    y = draw.integers(0, 2, size=n)
    s = np.clip(draw.normal(loc=0.35 + 0.3 * y, scale=0.3), 0, 1).round(1 if ties else 3)
    p = (s > 0.5).astype(int)
    return {
        "scores": s.tolist(),
        "targets": y.tolist(),
        "accuracy": m.accuracy_score(y, p),
        "precision": m.precision_score(y, p),
        "recall": m.recall_score(y, p),
        "f1": m.f1_score(y, p),
        "auroc": m.roc_auc_score(y, s),
        "confusion": m.confusion_matrix(y, p).ravel().tolist(),
    }


def regression(draw, n, width, mean=0.0):
    y = (mean + draw.normal(size=(n, width))).round(4)
    p = (y + 0.5 * draw.normal(size=(n, width))).round(4)
    return regression_of(y, p)


def regression_of(y, p):
    return {
        "outputs": p.ravel().tolist(),
        "targets": y.ravel().tolist(),
        "width": y.shape[1],
        "mse": m.mean_squared_error(y, p),
        "mae": m.mean_absolute_error(y, p),
        "r2": number(m.r2_score(y, p)),
    }


def main():
    draw = np.random.default_rng(0)
    constant = np.full((4, 1), 2.0)
    out = {
        "scores": [
            scores(draw, 40, 2),
            scores(draw, 60, 3),
            scores(draw, 101, 10),
            scores(draw, 30, 5, absent=(3,)),
            scores(draw, 12, 8),
        ],
        "binary": [binary(draw, 50, False), binary(draw, 64, True), binary(draw, 7, True)],
        "regression": [
            regression(draw, 30, 1),
            regression(draw, 25, 3),
            regression(draw, 40, 1, mean=1e6),
            regression_of(constant, constant),
            regression_of(constant, constant + 1),
            regression_of(constant[:1], constant[:1] + 1),
        ],
    }
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


main()
