# The peers of the fit benchmark on the same counters: alignment by numpy.interp and by pandas merge_asof, then Huber
# regression by ten rounds of numpy IRLS and by scikit-learn. Days are centred, which stands in for a level per day.
# Usage: fit.peers.py FILE DAYS; prints one JSON object. Reading the file is not timed.
import json
import sys
import time

import numpy as np

READINGS = 86_401
OFFSET_S, DRIFT_S = 1.7, 0.04
path, days = sys.argv[1], int(sys.argv[2])
cells = np.fromfile(path, dtype=np.float64, count=days * 9 * READINGS).reshape(days, 9, READINGS)
result = {"numpy": np.__version__}


def since(start):
    return time.perf_counter() - start


def centred(powers):
    """Powers less their mean of the day, and back by the mean of all."""
    per_day = powers.reshape(days, READINGS - 1, -1)
    flat = per_day - per_day.mean(axis=1, keepdims=True)
    return flat.reshape(days * (READINGS - 1), -1) + powers.mean(axis=0)


def by_interp():
    powers = np.empty((days, READINGS - 1, 7))
    for day in range(days):
        edges = cells[day, 0] + OFFSET_S + DRIFT_S * day
        lengths = np.diff(cells[day, 0])
        powers[day, :, 6] = np.diff(cells[day, 2]) / lengths
        for chip in range(6):
            powers[day, :, chip] = np.diff(np.interp(edges, cells[day, 1], cells[day, 3 + chip])) / lengths
    return powers.reshape(-1, 7)


def by_merge_asof(pd):
    powers = np.empty((days, READINGS - 1, 7))
    names = [f"c{chip}" for chip in range(6)]
    for day in range(days):
        edges = pd.DataFrame({"at": cells[day, 0] + OFFSET_S + DRIFT_S * day})
        chips = pd.DataFrame({"at": cells[day, 1], "stamp": cells[day, 1], **{name: cells[day, 3 + chip] for chip, name in enumerate(names)}})
        left = pd.merge_asof(edges, chips, on="at", direction="backward")
        right = pd.merge_asof(edges, chips, on="at", direction="forward")
        share = ((edges["at"] - left["stamp"]) / (right["stamp"] - left["stamp"])).fillna(0).to_numpy()[:, None]
        counts = left[names].to_numpy() + share * (right[names].to_numpy() - left[names].to_numpy())
        lengths = np.diff(cells[day, 0])[:, None]
        powers[day, :, :6] = np.diff(counts, axis=0) / lengths
        powers[day, :, 6] = np.diff(cells[day, 2]) / lengths[:, 0]
    return powers.reshape(-1, 7)


def irls(x, y, rounds):
    design = np.column_stack([np.ones(len(y)), x])
    weights = np.ones(len(y))
    for _ in range(rounds):
        weighted = design * weights[:, None]
        beta = np.linalg.solve(weighted.T @ design, weighted.T @ y)
        residuals = np.abs(y - design @ beta)
        bound = 1.345 * 1.4826 * np.median(residuals)
        weights = np.minimum(1.0, bound / np.maximum(residuals, 1e-300))
    return beta


def known(powers):
    """Chips that are late do not reach the first and the last edges of a day."""
    return powers[np.isfinite(powers).all(axis=1)]


start = time.perf_counter()
powers = by_interp()
result["interp_s"] = since(start)
# np.interp holds the last count beyond the readings; those few rows of a day are no use to anybody.
per_day = powers.reshape(days, READINGS - 1, 7)[:, : READINGS - 1, :]
start = time.perf_counter()
flat = centred(powers)
result["centre_s"] = since(start)
x, y = np.ascontiguousarray(flat[:, :6]), np.ascontiguousarray(flat[:, 6])
start = time.perf_counter()
beta = irls(x, y, 10)
result["irls_s"] = since(start)
result["irls_parameters"] = list(beta)
try:
    import pandas as pd

    start = time.perf_counter()
    merged = by_merge_asof(pd)
    result["merge_asof_s"] = since(start)
    result["pandas"] = pd.__version__
    result["merge_asof_differs_w"] = float(np.nanmax(np.abs(merged - powers)[np.isfinite(merged).all(axis=1)]))
except ImportError:
    result["skipped_pandas"] = "python3-pandas is missing"
try:
    import warnings

    import sklearn
    from sklearn.linear_model import HuberRegressor

    warnings.simplefilter("ignore")
    for rounds in (10, 100):
        start = time.perf_counter()
        huber = HuberRegressor(epsilon=1.345, alpha=0.0, max_iter=rounds).fit(x, y)
        result[f"huber_{rounds}_s"] = since(start)
        result[f"huber_{rounds}_parameters"] = [float(huber.intercept_), *map(float, huber.coef_)]
        result[f"huber_{rounds}_rounds"] = int(huber.n_iter_)
    result["sklearn"] = sklearn.__version__
except ImportError:
    result["skipped_sklearn"] = "python3-sklearn is missing"
print(json.dumps(result))
