"""rctrack tracks release candidates through mailing lists and git tags, and mails people what they would look up.

A map. A release is a fold over its evidence, never edited in place. `sources` bring evidence (a tag seen at a host, a
mail in an archive); `core.recognise` reads it as observations; `core.reconcile` folds those into releases and finds
what is new about them. `core.cadence` says when the next one is due, `core.health` which hosts are out, `core.delays`
what is late and whose gap it is; `core.incident` and `core.summary` put all that into words, and `notifiers` send it.
`pipeline` is one turn of it, with `tags` for what concerns tags alone, `outlook` for what is expected and `hosts` for
how hosts do, and `store` keeps every step in SQLite. `daemon` runs turns on a schedule, `cli` on demand, and `replay`
with a clock of its own over recorded sources; `pages` and `doctor` are what the commands print. `config` says what to
follow, `process` runs git, `web` asks over HTTP, and `core` never touches the outside world: there `version` orders,
`trace` reads the Received chain, and `identity` tells when a tag is not what it was. Each module imports only from the
floors below it:

    cli > daemon | replay | doctor | pages > pipeline > tags | outlook | hosts > sources | notifiers | store
        > config | web | process > core
    in core: summary > incident > delays | cadence > reconcile > identity > recognise > trace | health | wording
        > model > version
"""

__version__ = "0.1.0"
