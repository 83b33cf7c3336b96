"""What a process counts of itself, as Prometheus's own parser reads it."""

from datetime import UTC, datetime, timedelta

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.runtime.process_metrics import ProcessMetrics


def _read(metrics: ProcessMetrics) -> dict[tuple[str, str], float]:
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name.removeprefix("optimize_bot_"), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_answers_are_counted_by_how_long_they_took() -> None:
    metrics = ProcessMetrics()
    for seconds in (0.01, 0.05, 0.06, 40.0):
        metrics.answered(seconds)
    read = _read(metrics)

    assert [read["answer_seconds_bucket", bound] for bound in ("0.05", "0.1", "30.0", "+Inf")] == [2, 3, 3, 4]
    assert read["answer_seconds_count", ""] == 4
    assert read["answer_seconds_sum", ""] == sum((0.01, 0.05, 0.06, 40.0))


def test_sources_that_fail_are_counted_each_for_itself() -> None:
    metrics = ProcessMetrics()
    assert not [key for key in _read(metrics) if "provider" in key[0]]
    for source in ("yahoo", "yahoo", 'odd"one\n'):
        metrics.provider_failed(source)
    read = _read(metrics)

    assert read["provider_errors_total", "yahoo"] == 2
    assert read["provider_errors_total", 'odd"one\n'] == 1


def test_a_clock_that_was_set_back_makes_no_duration_negative() -> None:
    metrics, created = ProcessMetrics(), datetime(2026, 11, 1, tzinfo=UTC)
    started = created - timedelta(hours=1)
    metrics.study_ended(created, started, started + timedelta(seconds=2))
    read = _read(metrics)

    assert (read["queue_seconds_sum", ""], read["queue_seconds_bucket", "0.1"]) == (0, 1)
    assert (read["study_seconds_sum", ""], read["study_seconds_bucket", "2.5"]) == (2, 1)


def test_each_has_a_registry_of_its_own() -> None:
    one, other = ProcessMetrics(), ProcessMetrics()
    one.answered(1.0)

    assert _read(one)["answer_seconds_count", ""] == 1
    assert _read(other)["answer_seconds_count", ""] == 0
