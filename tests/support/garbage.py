"""What hosts answer that is not what was asked for, and the word for each: shared by the contracts of all families."""

from rctrack.core.look import Outcome

Page = tuple[int, str, bytes]
"""Status, media type and body."""
WALL: Page = (200, "text/html", b"<!doctype html><title>Making sure you&#39;re not a bot!</title><p>Wait.")
UNKNOWN_WALL: Page = (200, "text/html", b"<!doctype html><title>Welcome</title><p>Prove that you are a person.</p>")
ANOTHER_SITE: Page = (
    200,
    "text/html",
    b"<html><body><a href='https://example.net/buy.html'>Buy this domain</a>"
    b"<a href='/mailman/listinfo/demo'>list</a></body>",
)
GARBAGE: dict[str, tuple[Page, Outcome]] = {
    "challenge": (WALL, Outcome.BLOCKED),
    "unknown wall": (UNKNOWN_WALL, Outcome.MISREAD),
    "denied": ((403, "text/html", b"<h1>Forbidden</h1>"), Outcome.BLOCKED),
    "too often": ((429, "text/html\nRetry-After: 3600", b"<h1>Too many requests</h1>"), Outcome.BLOCKED),
    "another site": (ANOTHER_SITE, Outcome.MISREAD),
    "JSON": ((200, "application/json", b'{"error": "no"}'), Outcome.MISREAD),
    "noise": ((200, "application/octet-stream", bytes(range(256)) * 40), Outcome.MISREAD),
    "nothing": ((200, "text/html", b""), Outcome.MISREAD),
    "log in": ((401, "text/html", b"<h1>Who are you?</h1>"), Outcome.MISREAD),
    "not there": ((404, "text/html", b"<html><title>404 Not Found</title>"), Outcome.MISREAD),
    "gone": ((410, "text/html", b"<html><title>410 Gone</title>"), Outcome.MOVED),
    "broken": ((500, "text/plain", b"Internal Server Error"), Outcome.ERROR),
}
HOSTILE: dict[str, Page] = {
    "a deep page": (200, "text/html", b"<div>" * 50_000),
    "a page of links": (200, "text/html", b"<a href='" + b"../" * 3000 + b"x.html'>x</a>" * 3000),
    "an impossible charset": (200, "text/html; charset=\x01", b"<meta charset='\xff'><a href='http://[x/1.html'>\xff"),
    "deep JSON": (200, "application/json", b"[" * 100_000),
    "odd JSON": (200, "application/json", b'[{"ref": 1, "object": []}, null, {"name": {"x": []}}, 1e999]'),
    "a list of refs that is torn": (200, "application/x-git-upload-pack-advertisement", b"001e# service=git-up"),
    "a pack of nonsense": (200, "application/x-git-upload-pack-advertisement", b"001e# service=git-upload-pack\nffff"),
    "a gzip that breaks off": (200, "application/gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\3\x4b\x4c"),
    "text that says that it is gzip": (200, "text/html\nContent-Encoding: gzip", b"no gzip at all"),
}
"""What would hurt a careless reader."""
