"""The methods that were not chosen: signed ranks, sign flips, and what reports said before.

All take logarithms of rates of shape (loads, rounds, servers) and compare each server with the
first. They are here for the tables only; no report uses them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from noise import Array
from numpy.typing import NDArray
from scipy import stats

from iomodels.judge.rule import Rule

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Outcome:
    """Per load and comparison: the interval in logarithms (NaN: none), and what was said."""

    low: Array
    high: Array
    faster: Flags
    slower: Flags
    equal: Flags


def signed_ranks(logs: Array, rule: Rule) -> Outcome:
    """Wilcoxon's test, and the Hodges–Lehmann interval that belongs to it."""
    differences = _differences(logs)
    return _words(*_walsh_interval(differences, rule), rank_p(differences), rule)


def sign_flips(logs: Array, rule: Rule) -> Outcome:
    """The test of all flips of signs, with the interval as above."""
    differences = _differences(logs)
    return _words(*_walsh_interval(differences, rule), flip_p(differences), rule)


def rank_p(differences: Array) -> Array:
    """Wilcoxon's exact two-sided p over the last axis, for differences without ties."""
    rounds = differences.shape[-1]
    ranks = np.abs(differences).argsort(axis=-1).argsort(axis=-1) + 1
    positive = np.where(differences > 0, ranks, 0).sum(axis=-1)
    below = np.cumsum(_null_ranks(rounds))
    tail = np.minimum(positive, rounds * (rounds + 1) // 2 - positive)
    return np.asarray(np.minimum(1.0, 2.0 * below[tail]))


def flip_p(differences: Array) -> Array:
    """The share of all flips of signs whose mean is as far from 0, over the last axis."""
    signs = np.array(list(product((-1.0, 1.0), repeat=differences.shape[-1]))).T
    p = np.empty(differences.shape[:-1])
    for load, rows in enumerate(differences):
        p[load] = (np.abs(rows @ signs) >= np.abs(rows.sum(-1, keepdims=True)) - 1e-12).mean(-1)
    return p


def _differences(logs: Array) -> Array:
    """Shape (loads, comparisons, rounds)."""
    return np.moveaxis(logs[..., 1:] - logs[..., :1], 1, 2)


def _null_ranks(rounds: int) -> Array:
    """The probability of each sum of positive ranks where there is no difference."""
    ways = np.ones(1)
    for rank in range(1, rounds + 1):
        ways = np.concatenate([ways, np.zeros(rank)]) + np.concatenate([np.zeros(rank), ways])
    return ways / 2.0**rounds


def _walsh_interval(differences: Array, rule: Rule) -> tuple[Array, Array]:
    rounds = differences.shape[-1]
    one, other = np.triu_indices(rounds)
    means = np.sort((differences[..., one] + differences[..., other]) / 2.0, axis=-1)
    below = np.cumsum(_null_ranks(rounds))
    cut = int(np.searchsorted(below, (1.0 - rule.confidence) / 2.0, side="right"))
    if cut == 0:
        return np.full(means.shape[:-1], -np.inf), np.full(means.shape[:-1], np.inf)
    return means[..., cut - 1], means[..., -cut]


def _words(low: Array, high: Array, p: Array, rule: Rule) -> Outcome:
    """What paired.py says of an interval and a p, for many loads."""
    margin = math.log1p(rule.margin)
    shown = _holm(p) < rule.alpha
    faster, slower = shown & (low > 0), shown & (high < 0)
    return Outcome(low, high, faster, slower,
                   ~faster & ~slower & (low >= -margin) & (high <= margin))  # fmt: skip


def _holm(p: Array) -> Array:
    """Over the last axis."""
    order = p.argsort(axis=-1)
    steps = np.arange(p.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(np.take_along_axis(p, order, -1) * steps, axis=-1)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.minimum(1.0, stepped), axis=-1)
    return corrected


# ---- the fastest as the baseline ----


def uncorrected(logs: Array, rule: Rule) -> tuple[Outcome, Places]:
    """The leader over each other server, as if it had not been chosen by the same rounds."""
    ratios, places = _led(logs)
    mean, error = _mean_and_error(ratios)
    half = stats.t.ppf((1.0 + rule.confidence) / 2.0, ratios.shape[-1] - 1) * error
    p = 2.0 * stats.t.sf(np.abs(mean) / error, ratios.shape[-1] - 1)
    return _words(mean - half, mean + half, p, rule), places


def hsu(logs: Array, rule: Rule) -> tuple[Outcome, Places]:
    """Multiple comparisons with the best: one-sided bounds, "not the best" read as "slower"."""
    ratios, places = _led(logs)
    mean, error = _mean_and_error(ratios)
    bound = stats.t.ppf(1.0 - rule.alpha / mean.shape[-1], ratios.shape[-1] - 1) * error
    low = mean - bound
    equal = (low <= 0) & (mean + bound <= math.log1p(rule.margin))
    return Outcome(low, mean + bound, low > 0, np.zeros_like(low, dtype=bool), equal), places


def _led(logs: Array) -> tuple[Array, Places]:
    """Ratios of shape (loads, comparisons, rounds), and the servers, the leader first."""
    places = np.argsort(-logs.mean(axis=1), axis=-1)
    ordered = np.take_along_axis(logs, places[:, np.newaxis, :], axis=-1)
    return -_differences(ordered), places


def _mean_and_error(ratios: Array) -> tuple[Array, Array]:
    return ratios.mean(axis=-1), stats.sem(ratios, axis=-1)


# ---- what reports said before ----

LOADS_IN_A_TABLE = 10
RESAMPLES = 499
SPREAD_MOST = 0.10
SLOPE_MOST = 0.05


def old(logs: Array, rng: np.random.Generator) -> Outcome:
    """Mann–Whitney with Holm over a table of ten loads, and a bootstrap of the ratio of medians.

    It drops a server as unsteady if its quartiles spread by more than 10 %. A slope of more than
    5 % that is not 0 with 95 % confidence does the same. The word "equal" did not exist.
    """
    low, high = _bootstrap(logs, rng)
    first = np.broadcast_to(logs[..., :1], logs[..., 1:].shape)
    p = stats.mannwhitneyu(logs[..., 1:], first, axis=1, method="asymptotic").pvalue
    still = steady(np.exp(logs))
    judged = still[:, 1:] & still[:, :1]
    tables = np.where(judged, p, 2.0).reshape(-1, min(len(p), LOADS_IN_A_TABLE) * p.shape[-1])
    tested = (tables <= 1.0).sum(axis=-1, keepdims=True)
    order = tables.argsort(axis=-1).argsort(axis=-1)
    shown = _step_down(tables, order, tested).reshape(p.shape) & judged
    return Outcome(np.where(judged, low, np.nan), np.where(judged, high, np.nan),
                   shown & (low > 0), shown & (high < 0), np.zeros_like(shown))  # fmt: skip


def _step_down(tables: Array, order: Places, tested: Places) -> Flags:
    """Holm at 0.05 over what was tested: all up to the first that fails."""
    passes = tables * np.maximum(tested - order, 1) < 0.05
    failed = np.where(passes, order.shape[-1], order).min(axis=-1, keepdims=True)
    return np.asarray(order < failed)


def _bootstrap(logs: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    loads, rounds, servers = logs.shape
    medians = np.empty((RESAMPLES, loads, servers))
    for one in range(RESAMPLES):
        drawn = np.take_along_axis(logs, rng.integers(rounds, size=logs.shape), axis=1)
        medians[one] = np.median(drawn, axis=1)
    low, high = np.quantile(medians[..., 1:] - medians[..., :1], (0.025, 0.975), axis=0)
    return low, high


def steady(rates: Array) -> Flags:
    """Per load and server."""
    rounds = rates.shape[1]
    middle = np.median(rates, axis=1)
    spread = stats.iqr(rates, axis=1, scale="normal") / middle
    one, other = np.triu_indices(rounds, 1)
    gaps = (other - one)[:, np.newaxis]
    slopes = np.sort((rates[:, other] - rates[:, one]) / gaps, axis=1)
    pairs = len(one)
    reach = stats.norm.ppf(0.975) * math.sqrt(rounds * (rounds - 1) * (2 * rounds + 5) / 18)
    lowest = slopes[:, max(round((pairs - reach) / 2) - 1, 0)]
    highest = slopes[:, min(round((pairs + reach) / 2), pairs - 1)]
    change = np.abs(np.median(slopes, axis=1)) * (rounds - 1) / middle
    slopes_away = ((lowest > 0) | (highest < 0)) & (change > SLOPE_MOST)
    return np.asarray((spread <= SPREAD_MOST) & ~slopes_away)
