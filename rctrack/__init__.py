"""rctrack tracks release candidates through mailing lists and git tags, and mails people what they would look up.

A map. A release is a fold over its evidence, never edited in place. `sources` bring evidence (a tag at a host, a mail
in an archive); `core.recognise` reads it as observations; `core.reconcile` folds those into releases and finds what is
new about them; `core.summary` puts that into words; `notifiers` send it. `pipeline` is one turn of that, top to
bottom, with `tags` for what concerns tags alone, and `store` keeps every step in SQLite. `daemon` runs turns on a
schedule, `cli` on demand; `pages` and `doctor` are what the commands print. `config` says what to follow, `process`
runs git, `web` asks over HTTP, and `core` never touches the outside world: there `version` orders, `trace` reads the
Received chain, `identity` tells when a tag is not what it was, and `cadence` when the next release is due; `health`
and `delays` are not wired in yet. Each module imports only from the floors below it:

    cli > daemon | doctor | pages > pipeline > tags > sources | notifiers | store > config | web | process > core
    in core: summary > delays | cadence > reconcile > identity > recognise > trace | health > model > version
"""

__version__ = "0.1.0"
