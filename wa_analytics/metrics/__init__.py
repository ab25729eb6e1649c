"""Metrics: a numerator, a denominator and what they mean; one file per metric.

`catalogue.METRICS` finds the files; `metric.Metric.compute` does the sums on Polars, DuckDB or any
other engine Narwhals speaks. Nothing here draws or stores.
"""
