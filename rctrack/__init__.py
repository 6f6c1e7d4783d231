"""rctrack tracks release candidates through mailing lists and git tags, and mails people what they would look up.

A map; `docs/design.md` tells the same at length, and CONTRIBUTING.md which places a change touches.

1. Looking brings evidence. `sources` ask hosts, each kind in a file of its own; `core.recognise` reads what they bring.
2. Folding makes facts of it. `core.fold` builds releases, `core.hosts` outages, `core.lateness` delays: no row of them
   is ever edited in place, and any of them can be built again. `core.forecast` says what is due.
3. Judging decides what is told. `track.book` reads a project once, `core.judge` returns the notices to append, and
   `core.proof` says when each may be said.
4. Telling sends it. `send` addresses notices and hands mails to a channel, `show` puts them into words.

`rounds` joins these four for one moment, `daemon` calls it by a schedule, `cli` on demand, and `replay` over recorded
sources with a clock of its own. `store` keeps everything in SQLite, `config` says what to follow, `process` runs git,
`web` asks over HTTP; `core` never touches the outside world. Each module imports only from the floors below it:

    cli > daemon | replay > rounds > track | send | show > sources | store > config | web | process > core
"""

__version__ = "0.1.0"
