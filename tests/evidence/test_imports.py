from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("wa_analytics.evidence.sealing", {"sqlalchemy", "sqlmodel", "polars"}),
        ("wa_analytics.evidence.log, wa_analytics.evidence.verify", {"polars"}),
        (
            "wa_analytics.workspace, wa_analytics.cli, wa_analytics.evidence.place_s3,"
            " wa_analytics.evidence.key_kms, wa_analytics.evidence.timestamp",
            {"boto3", "botocore", "rfc3161_client"},
        ),
    ],
)
def test_worker_processes_start_light(modules: str, absent: set[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not absent & set(ran.stdout.split())
