"""Which signatures a project's tags are expected to have, as a word under which findings are kept."""

import hashlib
from contextlib import suppress

from rctrack.config import ProjectConfig


def expected_signatures(project: ProjectConfig) -> str:
    """A word for the signatures that are expected; what was found for others says nothing about these.

    It changes with the files of keys too: a key that is added to them makes an unknown one known.
    """
    expected = hashlib.sha256(repr(project.signing).encode())
    for path in (project.signing.keyring, project.signing.allowed_signers) if project.signing else ():
        with suppress(OSError):
            expected.update(path.read_bytes() if path else b"")
    return expected.hexdigest()[:16]
