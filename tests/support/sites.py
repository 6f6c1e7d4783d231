"""What a project's site shows: a document like kernel.org's releases.json, receipts of a server's log of pushes."""

from datetime import datetime
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from tests.support.material import Epoch

PATH = "pub/scm/demo/demo"
GITOLITE = "Gitolite <devnull@kernel.org>"
ZERO = "0" * 40


def releases(*versions: str, moniker: str = "mainline") -> dict[str, Any]:
    """A document in the shape of kernel.org's, with a stable row before."""
    rows = [("stable", "6.17.9"), *((moniker, each) for each in versions)]
    return {
        "latest_stable": {"version": "6.17.9"},
        "releases": [
            {
                "moniker": kind,
                "version": version,
                "iseol": False,
                "released": {"timestamp": 1772366400, "isodate": "2026-03-01"},
                "source": None,
                "pgp": None,
                "patch": {"full": None, "incremental": None},
                "gitweb": None,
                "changelog": None,
                "diff": None,
            }
            for kind, version in rows
        ],
    }


def receipt(epoch: Epoch, at: datetime, *refs: tuple[str, str, str], path: str = PATH, sender: str = GITOLITE) -> bytes:
    """The server writes that it took a push of these refs, each with its old and new object.

    In the shape of https://www.kernel.org/doc/projects/korg/gitolite/transparency-log.html and of the log itself: what
    a branch got is listed below it if it is short; else in an attachment, as the push certificate is.
    """
    subject = "- ref: refs/tags/v9.9"
    log = {
        "refs/heads/main": "    log: revlist-old-new.txt\n",
        "refs/heads/fixes": f"    log: |\n{'':9}{ZERO} {subject}\n",
    }
    changes = "".join(f"  - ref: {ref}\n    old: {old}\n    new: {new}\n{log.get(ref, '')}" for ref, old, new in refs)
    mail = MIMEText(
        f"---\nservice: git-receive-pack\nrepo: {path}\nuser: ann\ngit_push_cert_status: G\nchanges:\n{changes}\n"
    )
    whole: MIMEText | MIMEMultipart = mail
    if any(ref == "refs/heads/main" for ref, _, _ in refs):
        whole = MIMEMultipart("mixed")
        certificate = "".join(f"{old} {new} {ref}\n" for ref, old, new in refs)
        attached = {"revlist-old-new.txt": f"{ZERO} {subject}\n", "git-push-certificate.txt": certificate}
        whole.attach(mail)
        for name, text in attached.items():
            part = MIMEText(text)
            part.add_header("Content-Disposition", "attachment", filename=name)
            whole.attach(part)
    whole["From"], whole["Subject"] = sender, f"post-receive: {path}"
    whole["Date"], whole["Message-Id"] = f"{at:%a, %d %b %Y %H:%M:%S} -0000", f"<{at.timestamp()}@gitolite.kernel.org>"
    content = whole.as_bytes()
    epoch._import([(at, at, sender, f"post-receive: {path}", "m", content)])
    return content
