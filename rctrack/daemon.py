"""The daemon: APScheduler jobs and signals, nothing else."""

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from rctrack import rounds
from rctrack.config import Config, ProjectConfig, SourceConfig, TagsConfig, shipped
from rctrack.core.look import host_in
from rctrack.process import Interrupted
from rctrack.rounds import Looked, Round
from rctrack.send import Channel
from rctrack.sources import Tools
from rctrack.store import Store
from rctrack.track.book import History

log = logging.getLogger(__name__)

SEND_EVERY = 60
"""Seconds between two looks at what is owed: retries, and digests that have become due."""
CHECK_EVERY = 600
"""Seconds between two looks at the clock: what has become late, and which hosts are out."""

WATCH_EVERY = 20.0
"""Seconds between two looks at whether the clock was set."""
LEAP = 60.0
"""Seconds by which a clock may drift against the machine's own uptime; more is a clock that was set, or a sleep."""


class Rhythm(BaseTrigger):  # type: ignore[misc]
    """Fires again so long after the last run, and knows nothing of runs that were missed.

    The interval of APScheduler goes through each of them, which takes minutes and memory after a leap of years.
    """

    def __init__(self, every: timedelta, jitter: timedelta = timedelta(0)) -> None:
        """`jitter` is by how much at most a run comes earlier or later."""
        self.every, self.jitter = every, jitter

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Returns the one run that comes next."""
        found: datetime = self._apply_jitter(now + self.every, self.jitter.total_seconds() or None, now)
        return found


class Daemon:
    """Polls each source at its own pace, one at a time per host, and delivers what that makes owed."""

    def __init__(
        self,
        config: Config,
        tools: Tools,
        channel: Channel,
        clock: Callable[[], datetime],
        program: str,
        heard: Callable[[Looked], None],
        first_round: Callable[[list[Looked], datetime | None], None],
    ) -> None:
        """`heard` gets each look, `first_round` of the first look at every source and of the next poll."""
        self.config, self.tools, self.channel, self.clock, self.program = config, tools, channel, clock, program
        self.heard, self.first_round = heard, first_round
        self.history = History(shipped() / "history")
        self.sources = [(project, source) for project in config.projects for source in project.sources]
        self.waiting = {(project.id, source.source) for project, source in self.sources}
        self.first: list[Looked] = []
        self.lead = self._lead()
        # shutdown() waits for the jobs in hand with the scheduler locked: once we stop, no job may ask it anything.
        self.asking = threading.Lock()
        self.scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(1), **{host: ThreadPoolExecutor(1) for host in self._hosts()}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT; then the turns in hand are finished."""
        with _signals() as next_signal:
            self._schedule()
            self.scheduler.start()
            while (number := next_signal(WATCH_EVERY)) is None:
                self.mind_the_clock()
            log.info("%s: finishing what is in hand", signal.Signals(number).name)
            with self.asking:
                self.tools.runner.stopping.set()
            self.scheduler.shutdown(wait=True)

    def mind_the_clock(self) -> None:
        """Where the clock was set, or the machine slept, everything is due: by the new clock it may be years ahead."""
        lead = self._lead()
        if abs(lead - self.lead) <= LEAP:
            return
        log.info("the clock went %+.0f s beside the machine's own time: everything is looked at now", lead - self.lead)
        self.lead = lead
        with self.asking:
            for job in self.scheduler.get_jobs():
                job.modify(next_run_time=self.clock())

    def _lead(self) -> float:
        """By how many seconds the clock is ahead of the machine's uptime."""
        return self.clock().timestamp() - time.monotonic()

    def _schedule(self) -> None:
        now = self.clock()
        for project, source in self.sources:
            every = self.config.schedule.tags if isinstance(source, TagsConfig) else self.config.schedule.lists
            self.scheduler.add_job(
                self._look,
                Rhythm(every, min(self.config.schedule.jitter, every / 2)),
                args=(project, source),
                id=f"{project.id} {source.source}",
                executor=_host(source),
                next_run_time=now,
            )
        send, check = (Rhythm(timedelta(seconds=seconds)) for seconds in (SEND_EVERY, CHECK_EVERY))
        self.scheduler.add_job(self._send, send, id="send", executor="default", next_run_time=now)
        self.scheduler.add_job(self._check, check, id="check", executor="default")

    def _look(self, project: ProjectConfig, source: SourceConfig) -> None:
        with self._round(f"{project.id} {source.source}") as round_:
            if round_ is None:
                return
            looked = rounds.look(round_, project, source)
            self.heard(looked)
            with self.asking:
                if not self.tools.runner.stopping.is_set():
                    self._wake(looked)

    def _send(self) -> None:
        with self._round("send") as round_:
            if round_ is not None:
                rounds.owe_digests(round_)
                rounds.send(round_, self.channel)

    def _check(self) -> None:
        """A project not before each of its sources was asked once: what is not read yet is not late."""
        unread = {project for project, _ in self.waiting}
        with self._round("check") as round_:
            if round_ is not None:
                rounds.check(round_, [each for each in self.config.projects if each.id not in unread])
                rounds.send(round_, self.channel)

    @contextmanager
    def _round(self, name: str) -> Iterator[Round | None]:
        """The job's boundary: whatever is not expected ends here, logged, and the next run starts afresh."""
        try:
            if self.tools.runner.stopping.is_set():
                yield None
                return
            with Store(self.config.database) as store:
                yield Round(self.config, store, self.tools, self.clock(), self.program, self.history)
        except Interrupted:
            log.info("%s: broken off, to be done again", name)
        except Exception:
            log.exception("%s: failed in a way that is not foreseen", name)

    def _wake(self, looked: Looked) -> None:
        """What is owed is sent at once, and what is new is judged against the clock."""
        if looked.told:
            self.scheduler.modify_job("send", next_run_time=self.clock())
        if looked.new:
            self.scheduler.modify_job("check", next_run_time=self.clock())
        self._note_first(looked)

    def _note_first(self, looked: Looked) -> None:
        key = (looked.project.id, looked.source)
        if key not in self.waiting:
            return
        self.waiting.discard(key)
        self.first.append(looked)
        if not self.waiting:
            self.scheduler.modify_job("check", next_run_time=self.clock())
            polls = [
                job.next_run_time
                for job in self.scheduler.get_jobs()
                if job.id not in ("send", "check") and job.next_run_time
            ]
            self.first_round(self.first, min(polls, default=None))

    def _hosts(self) -> set[str]:
        return {_host(source) for _, source in self.sources}


def _host(source: SourceConfig) -> str:
    return host_in(source.url) or "local"


@contextmanager
def _signals() -> Iterator[Callable[[float], int | None]]:
    """A function that waits seconds for SIGTERM or SIGINT; a pipe, since no lock is safe in a signal handler."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    old_fd = signal.set_wakeup_fd(writable)
    old = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda seconds: os.read(readable, 1)[0] if select.select([readable], [], [], seconds)[0] else None
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        os.close(readable)
        os.close(writable)
