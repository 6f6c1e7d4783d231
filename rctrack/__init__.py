"""rctrack tracks release candidates through mailing lists and git tags, and mails people what they would look up.

A map. A release is a fold over its evidence, never edited in place. `sources` bring evidence (a tag at a host, a mail
in an archive); `core.recognise` reads it as observations; `core.reconcile` folds those into releases and finds what is
new about them; `core.summary` puts that into words; `notifiers` send it. `pipeline` is one turn of that, top to
bottom, and `store` keeps every step in SQLite. `daemon` runs turns on a schedule, `cli` on demand; `pages` and
`doctor` are what the commands print. `core.cadence` says when the next release is due, `core.delays` what is late and
whose gap it is, `core.health` how the hosts do. `config` says what to follow and knows past releases, `process`
runs git, and `core` never touches the outside world. Each module imports only from the floors below it:

    cli > daemon | doctor | pages > pipeline > sources | notifiers | store > config > process > core
    in core: summary > delays | cadence > reconcile > recognise > trace | health > model > version
"""

__version__ = "0.1.0"
