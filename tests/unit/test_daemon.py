"""The daemon's clockwork: no run is caught up one by one, and a clock that was set makes everything due."""

from datetime import timedelta
from pathlib import Path

from rctrack.daemon import LEAP, Daemon, Rhythm
from rctrack.send import open_channel
from tests.support.following import PROGRAM, follow
from tests.support.given import moment
from tests.support.material import BEGIN, DAY, make_repository

NOW = moment("2026-11-25 12:00")
MINUTE = timedelta(minutes=1)


def test_after_years_one_run_is_due_and_not_each_that_was_missed() -> None:
    """From 1970 on there are thirty million minutes."""
    assert Rhythm(MINUTE).get_next_fire_time(moment("1970-01-01 00:05"), NOW) == NOW + MINUTE
    assert Rhythm(MINUTE).get_next_fire_time(None, NOW) == NOW + MINUTE


def test_jitter_moves_a_run_by_no_more_than_it_says() -> None:
    """Hosts are not asked by everybody on the minute."""
    due = {Rhythm(10 * MINUTE, MINUTE).get_next_fire_time(None, NOW) for _ in range(50)}
    assert len(due) > 10
    assert all(9 * MINUTE <= each - NOW <= 11 * MINUTE for each in due)


def test_a_clock_that_was_set_makes_everything_due(tmp_path: Path) -> None:
    """Set back two days, the next look would lie two days ahead; a clock that goes as it should moves nothing."""
    demo = follow(tmp_path, tags=[make_repository(tmp_path / "demo.git").path])
    with demo.round(BEGIN) as round_:
        clock = [BEGIN]
        channel = open_channel(round_.config.mail, {})
        daemon = Daemon(
            round_.config, round_.tools, channel, lambda: clock[0], PROGRAM, lambda _: None, lambda *_: None
        )
        far = BEGIN + 2 * DAY
        daemon.scheduler.add_job(lambda: None, Rhythm(MINUTE), id="one", next_run_time=far)
        daemon.scheduler.start(paused=True)
        try:
            job = daemon.scheduler.get_job("one")
            clock[0] += timedelta(seconds=LEAP / 2)
            daemon.mind_the_clock()
            assert job.next_run_time == far
            for leap in (-2 * DAY, 20_000 * DAY):
                clock[0] += leap
                daemon.mind_the_clock()
                assert job.next_run_time == clock[0]
        finally:
            daemon.scheduler.shutdown()
