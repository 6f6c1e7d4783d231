"""A program of its own, run by git_range: `python -m rctrack.sources.gitstore.fetch_pack URL TAG WANT [HAVE]`.

It writes the pack of what WANT reaches and HAVE does not to standard output, commits only where the server can
filter. A process because dulwich has no limit for a whole talk: ours has one for time, memory and bytes, and no hang
of a server at any stage outlives it. It follows no redirect and asks no second host.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_SECONDS = 60
"""For each read; the caller bounds the whole."""
_SHALLOW = [b"%x" % digit for digit in range(16)]
"""Before version 2 a shallow repository says so in lines that dulwich takes for refs, named by the ids of commits."""


@dataclass(slots=True)
class _Have:
    """Tells the server the one commit that we have; dulwich's graph walker protocol."""

    base: bytes | None
    shallow: set[bytes] = field(default_factory=set)
    unshallow: set[bytes] = field(default_factory=set)

    def __next__(self) -> bytes | None:
        base, self.base = self.base, None
        return base

    next = __next__

    def ack(self, sha: bytes) -> None:
        """Nothing to learn: there is one commit only."""

    def nak(self) -> None:
        """Nothing to learn: there is one commit only."""


def main(arguments: Sequence[str]) -> int:
    """The exit status; on a failure the reason is the last line on standard error."""
    user_agent, url, tag, want, *have = arguments
    try:
        fetch(user_agent, url, tag, want, have[0] if have else None, sys.stdout.buffer.write)
    except Exception as error:  # noqa: BLE001 - the boundary of this process: whatever a server provokes ends it
        said = " ".join(str(error).split()) or "the server broke off"
        print(f"fatal: {type(error).__name__}: {said}"[:300], file=sys.stderr)  # noqa: T201 - it is a program
        return 1
    return 0


def fetch(user_agent: str, url: str, tag: str, want: str, have: str | None, write: Callable[[bytes], int]) -> None:
    """Writes the pack; any exception means that the server did not give it."""
    client, path = _client(user_agent, url)
    said = client.fetch_pack(
        path,
        lambda _refs, depth=None: [want.encode()],
        _Have(have.encode() if have else None),
        write,
        depth=None if have else 1,
        ref_prefix=[b"refs/tags/" + tag.encode(), *_SHALLOW],
        filter_spec=b"tree:0",
        protocol_version=2,
    )
    # What a repository that is shallow itself sends ends where that ends, and not at what we have.
    if have and (said.new_shallow or b"shallow" in said.refs.values()):
        raise ValueError("is a shallow repository, from which nothing can be counted")


def _client(user_agent: str, url: str) -> tuple[Any, str]:
    from dulwich.client import HttpGitClient, get_transport_and_path_from_url
    from dulwich.config import ConfigDict

    config = ConfigDict()
    config.set((b"http",), b"useragent", user_agent.encode())
    if not url.startswith(("http://", "https://")):
        # A thin pack leaves out what its deltas stand on, and we have nothing.
        return get_transport_and_path_from_url(url, config=config, thin_packs=False)

    origin = _origin(url)

    class OneHost(HttpGitClient):
        """Asks the host of the url only, and takes only what is git's."""

        def _http_request(self, url: str, *arguments: Any, **options: Any) -> Any:
            if _origin(url) != origin:
                raise ValueError("the server names another host")
            response, read = super()._http_request(url, *arguments, **options)
            media_type = str(response.headers.get("Content-Type") or "text/plain")
            if media_type.startswith(("text/plain", "application/octet-stream")):
                raise ValueError("dumb http transport: files, and nobody who makes packs of them")
            if not media_type.startswith("application/x-git-"):
                raise ValueError("not valid: is this a git repository?")
            return response, read

    made = OneHost(url, config=config, thin_packs=False, timeout=_SECONDS)
    made.pool_manager.connection_pool_kw["retries"] = False
    return made, ""


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
