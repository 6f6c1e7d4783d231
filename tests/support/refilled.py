"""A history whose files were taken out, with random ones put back: what a full clone of it weighs means something.

Same commits, parents, people, dates, subjects, tags and dates of tags; every id is new. Of a pack written here and
indexed by git, since fast-import takes minutes for it. What is put back, with git.git's own sizes in mind (a full
clone of some 250 MB, 450 bytes for the average commit):

* each commit that is no merge changes two files of 256, of 500 to 2500 random bytes each, and so two trees;
* a merge has the files of its first parent;
* each message goes on for 320 letters, for bodies were taken out too.
"""

import base64
import hashlib
import re
import subprocess
import zlib
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from random import Random

from tests.support.material import git, git_environment

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_WIDTH = 16
"""Folders, and files of each."""
_ID = re.compile(rb"^(parent|object) ([0-9a-f]{40})$", re.MULTILINE)


def refill(source: Path, target: Path, seed: int = 4) -> None:
    """Makes the repository `target`, which serves filters, of `source`."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(target)], env=git_environment(), check=True)
    git(target, "config", "uploadpack.allowFilter", "true")
    with (target / "objects" / "pack" / "refilled.pack").open("w+b") as file:
        pack = _Pack(file)
        ids = _write(source, pack, Random(seed))
        pack.end()
    git(target, "index-pack", str(target / "objects" / "pack" / "refilled.pack"))
    refs = git(source, "for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    lines = (f"create {name} {ids[old.encode()].decode()}\n" for old, _, name in (line.partition(" ") for line in refs))
    git(target, "update-ref", "--stdin", stdin="".join(lines).encode())
    git(target, "pack-refs", "--all")


def _write(source: Path, pack: "_Pack", dice: Random) -> dict[bytes, bytes]:
    """All commits, parents first, then all tags; the new id of each."""
    files = _Files(pack, dice)
    ids: dict[bytes, bytes] = {}
    trees: dict[bytes, bytes] = {}
    commits = git(source, "rev-list", "--topo-order", "--reverse", "--all")
    for old, content in _objects(source, commits):
        head, _, message = content.partition(b"\n\n")
        parents = [found[2] for found in _ID.finditer(head)]
        before = trees[parents[0]] if parents else files.none
        trees[old] = before if len(parents) > 1 else files.changed(before)
        people = head[head.index(b"\nauthor ") :]
        lines = [b"tree " + trees[old].hex().encode(), *(b"parent " + ids[each] for each in parents)]
        more = base64.b64encode(dice.randbytes(240))
        ids[old] = pack.add("commit", b"\n".join(lines) + people + b"\n\n" + message + b"\n" + more + b"\n")
    tags = git(source, "for-each-ref", "--format=%(if:equals=tag)%(objecttype)%(then)%(objectname)%(end)")
    for old, content in _objects(source, "\n".join(filter(None, tags.splitlines()))):
        ids[old] = pack.add("tag", _ID.sub(lambda found: b"object " + ids[found[2]], content, count=1))
    return ids


def _objects(source: Path, wanted: str) -> Iterator[tuple[bytes, bytes]]:
    """Id and content of each."""
    listed = source.parent / "listed"
    listed.write_text(wanted + "\n")
    argv = ["git", f"--git-dir={source}", "cat-file", "--batch", "--buffer"]
    with listed.open("rb") as asked, subprocess.Popen(argv, stdin=asked, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        while head := reader.stdout.readline().split():
            yield head[0], reader.stdout.read(int(head[2]) + 1)[:-1]


class _Files:
    """Trees by their id, each with the ids of what is in it."""

    def __init__(self, pack: "_Pack", dice: Random) -> None:
        self.pack, self.dice, self.inside = pack, dice, dict[bytes, list[bytes]]()
        folders = [self._tree(b"100644", [self._blob() for _ in range(_WIDTH)]) for _ in range(_WIDTH)]
        self.none = self._tree(b"40000", folders)

    def changed(self, root: bytes) -> bytes:
        """Another root tree, with two files of one folder changed."""
        folders, number = [*self.inside[root]], self.dice.randrange(_WIDTH)
        blobs = [*self.inside[folders[number]]]
        for each in self.dice.sample(range(_WIDTH), 2):
            blobs[each] = self._blob()
        folders[number] = self._tree(b"100644", blobs)
        return self._tree(b"40000", folders)

    def _blob(self) -> bytes:
        return bytes.fromhex(self.pack.add("blob", self.dice.randbytes(self.dice.randrange(500, 2500))).decode())

    def _tree(self, mode: bytes, entries: list[bytes]) -> bytes:
        content = b"".join(b"%s %02d\0%s" % (mode, number, each) for number, each in enumerate(entries))
        made = bytes.fromhex(self.pack.add("tree", content).decode())
        self.inside[made] = entries
        return made


class _Pack:
    """A pack of whole objects, each written once. https://git-scm.com/docs/gitformat-pack"""

    def __init__(self, file: BufferedRandom) -> None:
        self.file, self.known = file, set[bytes]()
        self.file.write(b"PACK" + (2).to_bytes(4, "big") + bytes(4))

    def add(self, kind: str, content: bytes) -> bytes:
        """The id of the object."""
        made = hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest().encode()
        if made not in self.known:
            self.known.add(made)
            self.file.write(_head(_KINDS[kind], len(content)) + _deflated(content, level=1 if kind == "commit" else 0))
        return made

    def end(self) -> None:
        """The number of objects at the start and the checksum at the end."""
        self.file.seek(8)
        self.file.write(len(self.known).to_bytes(4, "big"))
        self.file.seek(0)
        checksum = hashlib.file_digest(self.file, "sha1").digest()
        self.file.write(checksum)


def _deflated(content: bytes, level: int) -> bytes:
    """Random bytes do not get smaller, and zlib takes a fifth of a millisecond to find that out."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, 12, 5)
    return deflate.compress(content) + deflate.flush()


def _head(kind: int, size: int) -> bytes:
    head, low, size = bytearray(), kind << 4 | size & 15, size >> 4
    while size:
        head.append(low | 0x80)
        low, size = size & 0x7F, size >> 7
    return bytes([*head, low])
