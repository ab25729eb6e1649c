"""Every metric, found from the files of this folder: a module that has METRIC is one."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import wa_analytics.metrics as room
from wa_analytics.errors import InputRefused
from wa_analytics.metrics.metric import Metric


def _found() -> dict[str, Metric]:
    modules = (
        import_module(f"{room.__name__}.{found.name}")
        for found in pkgutil.iter_modules(room.__path__)
        if found.name != "catalogue"
    )
    metrics = [module.METRIC for module in modules if hasattr(module, "METRIC")]
    return {metric.name: metric for metric in sorted(metrics, key=lambda metric: metric.name)}


METRICS: dict[str, Metric] = _found()


def metric_named(name: str) -> Metric:
    """The metric of that name. Raises InputRefused that lists the known ones."""
    if name not in METRICS:
        raise InputRefused(f"There is no metric {name!r}; known: {', '.join(METRICS)}.")
    return METRICS[name]
