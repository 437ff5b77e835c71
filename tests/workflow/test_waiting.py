"""When an unfinished step is looked at again (semantics E3, backoff)."""

import pytest

from lateen.workflow.waiting import Attempts


def gaps(attempts, work, count):
    """The waits between passes that come when they are due."""
    now, found = 0.0, []
    for _ in range(count):
        work(now)
        wait = attempts.next(["s"], now)
        found.append(wait)
        now += wait
    return found


def test_the_gaps_of_a_waiting_step():
    attempts = Attempts()
    measured = gaps(attempts, lambda now: attempts.waited("s", "m", now), 13)
    assert measured == [1, 1, 1, 1, 1, 1, 3, 6, 12, 25, 51, 60, 60]


def test_a_failing_step_is_given_up_after_the_retries():
    attempts = Attempts()
    verdicts = []
    measured = gaps(attempts, lambda now: verdicts.append(attempts.failed("s", "m", now)), 11)
    assert verdicts == [False] * 10 + [True]
    assert sum(measured[:10]) == 52  # seconds from the first failure to the last


def test_another_message_starts_over():
    attempts = Attempts()
    gaps(attempts, lambda now: attempts.waited("s", "m", now), 9)
    attempts.waited("s", "other", 1000.0)
    assert attempts.next(["s"], 1000.0) == 1


def test_a_pass_that_comes_early_does_not_count():
    attempts = Attempts()
    for _ in range(50):
        attempts.waited("s", "m", 0.0)
    assert attempts.next(["s"], 0.0) == 1


def test_a_success_in_between_forgives_failures():
    attempts = Attempts()
    now = 0.0
    for _ in range(30):
        assert not attempts.failed("s", "m", now)
        attempts.waited("s", "w", now)
        now += 1000


@pytest.mark.parametrize(("now", "due"), [(0.5, False), (1.0, True)])
def test_a_step_is_due_when_its_time_has_come(now, due):
    attempts = Attempts()
    assert attempts.due("s", 0.0)  # never tried
    attempts.failed("s", "m", 0.0)
    assert attempts.due("s", now) is due


def test_the_first_that_is_due_decides():
    attempts = Attempts()
    gaps(attempts, lambda now: attempts.waited("s", "m", now), 9)
    attempts.waited("new", "m", 100.0)
    assert attempts.next(["s", "new"], 100.0) == 1
    assert attempts.next([], 100.0) is None
