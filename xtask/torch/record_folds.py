"""Records the folds of scikit-learn that crates/data's tests compare with.

    python -m pip install scikit-learn
    python xtask/torch/record_folds.py > crates/data/tests/recorded/folds.json
"""

import json
import random
import sys
import warnings

from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

# A class with fewer items than folds is among the cases.
warnings.filterwarnings("ignore", category=UserWarning)


def case(kind, k, labels):
    splitter = {"k": KFold, "stratified": StratifiedKFold, "group": GroupKFold}[kind](k)
    folds = splitter.split(labels, labels, labels)
    return {
        "kind": kind,
        "k": k,
        "labels": labels,
        "val": [val.tolist() for _, val in folds],
    }


def cases():
    draw = random.Random(0)
    for n, k in [(5, 2), (6, 3), (10, 3), (23, 5), (7, 7)]:
        yield case("k", k, [0] * n)
    for n, k, classes in [(12, 3, 2), (30, 5, 3), (41, 4, 5), (60, 10, 4), (25, 5, 7)]:
        yield case("stratified", k, [draw.randrange(classes) for _ in range(n)])
    yield case("stratified", 4, sorted(draw.randrange(3) for _ in range(30)))
    yield case("stratified", 3, [2, 2, 0, 2, 2, 2, 1, 0, 2])
    for n, k, groups in [(12, 3, 4), (30, 5, 9), (41, 4, 6), (60, 3, 16)]:
        labels = [draw.randrange(groups) for _ in range(n)]
        yield case("group", k, labels)


json.dump(list(cases()), sys.stdout, separators=(",", ":"))
print()
