"""A subscription of SNS that ends is a finding of whomever its topic delivers for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Wa
from tests.providers.sns import Topic

SETTINGS = """
[[entity]]
key = "air"
name = "Birch Air"
waba_ids = ["w-1"]

[[entity]]
key = "bank"
name = "Birch Bank"
channels = ["c-2"]
"""
TOPIC = Topic()
AS_OF = "2026-02-01T00:00:00Z"


def diverted(wa: Wa, tmp_path: Path, *kinds: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the check says after these confirmations, a minute apart: (result, findings)."""
    path = tmp_path / "confirmations"
    told = (
        TOPIC.confirmation(kind, Timestamp=f"2026-01-01T00:{minute:02}:00.000Z")
        for minute, kind in enumerate(kinds)
    )
    path.write_text("".join(json.dumps(one) for one in told))
    assert wa("capture", "aws-social", str(path)).code == 0
    assert wa("refresh").code == 0
    results = wa("check", "completeness", "--as-of", AS_OF, "--json").document["results"]
    (found,) = [one for one in results if one["check"] == "capture.diverted"]
    findings = wa("findings", "capture.diverted", "--json").document
    return found, [(one["subject"], one["entity"]) for one in findings]


@pytest.mark.parametrize(("topic", "finding"), [("air", ("account", "air")), ("c-2", ("channel", "bank"))])
def test_an_ended_subscription_is_told_until_it_is_back(
    wa: Wa, home: Path, tmp_path: Path, topic: str, finding: tuple[str, str]
) -> None:
    arn = TOPIC.confirmation()["TopicArn"]
    (home / "settings.toml").write_text(f'{SETTINGS}[aws_social.topics]\n"{arn}" = "{topic}"\n')
    result, findings = diverted(wa, tmp_path, "SubscriptionConfirmation", "UnsubscribeConfirmation")
    assert (result["outcome"], findings) == ("fail", [finding])
    (gap,) = wa("gaps", "propose", "--json").document
    assert (gap["rule"], gap["entity"]) == ("capture.diverted", finding[1])
    result, findings = diverted(
        wa, tmp_path, "SubscriptionConfirmation", "UnsubscribeConfirmation", "SubscriptionConfirmation"
    )
    assert (result["outcome"], findings) == ("pass", [])


def test_a_topic_of_one_of_several_companies_that_nobody_named_is_not_evaluated(
    wa: Wa, home: Path, tmp_path: Path
) -> None:
    (home / "settings.toml").write_text(SETTINGS)
    result, findings = diverted(wa, tmp_path, "UnsubscribeConfirmation")
    assert (result["outcome"], findings) == ("not_evaluated", [])
    arn = TOPIC.confirmation()["TopicArn"]
    (home / "settings.toml").write_text(f'{SETTINGS}[aws_social.topics]\n"{arn}" = "bank"\n')
    assert wa("refresh").code == 0
    result, findings = diverted(wa, tmp_path, "UnsubscribeConfirmation")
    assert (result["outcome"], findings) == ("fail", [("channel", "bank")]), "named later, read again"
