from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wa_analytics.capture import Capture
from wa_analytics.receiver.figures import Distribution, Figures
from wa_analytics.receiver.frames import Captures, Refusals, Report, framed, messages_in

CAPTURE = st.builds(
    Capture,
    body=st.binary(max_size=300),
    headers=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
    provider=st.just("meta-cloud"),
    received_at=st.integers(0, 2**53),
    signature_code=st.sampled_from(["valid", "absent"]),
)
CAPTURES = st.builds(Captures, st.lists(CAPTURE, max_size=3))
REFUSALS = st.builds(Refusals, st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=2))


@settings(deadline=None)
@given(st.lists(CAPTURES | REFUSALS, max_size=6), st.data())
def test_messages_arrive_whole_however_the_stream_is_cut(
    sent: list[Captures | Refusals], drawn: st.DataObject
) -> None:
    stream = b"".join(framed(message) for message in sent)
    unread = bytearray()
    arrived: list[object] = []
    while stream:
        cut = drawn.draw(st.integers(1, len(stream)))
        unread += stream[:cut]
        stream = stream[cut:]
        arrived += messages_in(unread)
    assert arrived == sent
    assert not unread


def test_reports_arrive_as_they_were_sent() -> None:
    reports = [Report(3, True, {"meta-cloud": 2}, {"meta-cloud": 1}, 0.25), Report(sentence="away")]
    unread = bytearray(b"".join(framed(report) for report in reports))
    assert messages_in(unread) == reports


def test_refusals_are_told_once() -> None:
    figures = Figures()
    figures.answers["meta-cloud", "signature_invalid"] += 2
    figures.answers["meta-cloud", "accepted"] += 5
    assert figures.refusals_untold() == {"meta-cloud": 2}
    assert figures.refusals_untold() == {}
    figures.answers["meta-cloud", "too_large"] += 1
    assert figures.refusals_untold() == {"meta-cloud": 1}


def test_a_distribution_counts_what_lies_under_each_bound() -> None:
    seen = Distribution((1.0, 2.0))
    for quantity in (0.5, 1.0, 1.5, 9.0):
        seen.add(quantity)
    assert seen.lines("x", "Something.")[2:] == [
        'x_bucket{le="1"} 2',
        'x_bucket{le="2"} 3',
        'x_bucket{le="+Inf"} 4',
        "x_sum 12.000000",
        "x_count 4",
    ]
