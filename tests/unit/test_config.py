"""Configuration: an error is one line that names the file, the key, what was found and what would be right."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rctrack import config
from rctrack.config import VGER_SERVERS, ConfigError, DigestTime, load
from rctrack.core.evidence import ProjectId
from rctrack.core.notice import ALERTS, Topic

PROJECT = """\
name = "Demo"
scheme = "dotted"

[[lists]]
kind = "public-inbox"
url = "https://lists.example/demo"
from = ["Maintainer@example.org"]
subject = '^demo v(?P<version>\\S+)'

[[tags]]
url = "https://git.example/demo.git"
"""
MAIN = 'projects = ["demo"]\n'


def written(folder: Path, main: str = MAIN, project: str | None = PROJECT) -> Path:
    """A configuration of one project, in files."""
    (folder / "projects").mkdir(parents=True, exist_ok=True)
    (folder / "rctrack.toml").write_text(main, "utf-8")
    if project is not None:
        (folder / "projects" / "demo.toml").write_text(project, "utf-8")
    return folder / "rctrack.toml"


def loaded(folder: Path, main: str = MAIN, project: str | None = PROJECT) -> config.Config:
    """What those files mean."""
    return load(written(folder, main, project), None, {"XDG_STATE_HOME": str(folder / "state")})


def refused(folder: Path, main: str = MAIN, project: str | None = PROJECT) -> str:
    """The one line that says why they cannot be used."""
    with pytest.raises(ConfigError) as failure:
        loaded(folder, main, project)
    text = str(failure.value)
    assert "\n" not in text
    return text


class TestErrorsInTheMainFile:
    """Each names rctrack.toml, the key, what was found and what would be right."""

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('projcts = ["demo"]', "projcts: unknown key; did you mean 'projects'?"),
            ("zzz = 1", "zzz: unknown key; known keys: contact, database, mail, projects, schedule"),
            ("[schedule]\ntag = '15m'", "schedule.tag: unknown key; did you mean 'tags'?"),
            ("[mail]\nfrm = 'x'", "mail.frm: unknown key; did you mean 'from'?"),
            ("[[mail.to]]\naddress='a@b'\nadress='a@b'", "mail.to.1.adress: unknown key; did you mean 'address'?"),
            ("database = 5", "database: found 5, expected a string"),
            ("projects = 5", "projects: found 5, expected a list of strings"),
            ("projects = [5]", "projects: found [5], expected a list of strings"),
            ("mail = 5", "mail: found 5, expected a table [mail]"),
            ("[mail.to]\naddress = 'a@b'", "mail.to: found {'address': 'a@b'}, expected tables [[to]]"),
            ("[schedule]\ntags = 900", "schedule.tags: found 900, expected a string"),
            ("[schedule]\ntags = '15 min'", "schedule.tags: found '15 min', expected a duration like"),
            ("[schedule]\ntags = '0s'", "schedule.tags: found '0s', expected a duration like"),
            ("[[mail.to]]\nsend = []", "mail.to.1.address: found nothing, expected a string"),
            ("[[mail.to]]\naddress='you'", "mail.to.1.address: found 'you', expected one mail address"),
            ("[[mail.to]]\naddress='a@b\\r\\nX: y'", "mail.to.1.address: found"),
            ("[[mail.to]]\naddress='a@b'\n[[mail.to]]\naddress=''", "mail.to.2.address: found ''"),
            ("[[mail.to]]\naddress='a@b'\nprojects=['linux']", "mail.to.1.projects: found 'linux', expected"),
            ("[[mail.to]]\naddress='a@b'\nsend=['news']", "mail.to.1.send: found ['news'], expected any of \"alerts\""),
            ("[[mail.to]]\naddress='a@b'\nsend=['alert']", "mail.to.1.send: found ['alert'], expected \"alerts\""),
            ("[[mail.to]]\naddress='a@b'\nwhen='soon'", "mail.to.1.when: found 'soon', expected"),
            (
                "[[mail.to]]\naddress='a@b'\ndigest='Mon 24:00'",
                "mail.to.1.digest: found 'Mon 24:00', expected \"Mon 08",
            ),
            ("[[mail.to]]\naddress='a@b'\ntimezone='Mars'", "mail.to.1.timezone: found 'Mars', expected a zone of"),
            ("[mail]\ntransport = 'ftp://x'", "mail.transport: found 'ftp://x', expected \"maildir:PATH\""),
            ("[mail]\ntransport = 'smtp:'", "mail.transport: found 'smtp:', expected"),
            ("[mail]\ntransport = 'smtp://[x'", "mail.transport: found 'smtp://[x', expected"),
            ("x = ", "is no valid TOML: "),
            ("a = 1\na = 2", "is no valid TOML: "),
        ],
    )
    def test_an_error_says_what_would_be_right(self, tmp_path: Path, text: str, said: str) -> None:
        """Unknown keys, wrong types, impossible values, broken TOML."""
        main = text if text.startswith(("projects", "projcts")) else MAIN.rstrip() + "\n" + text
        line = refused(tmp_path, main)
        assert line.startswith(f"{tmp_path}/rctrack.toml: ")
        assert said in line

    @pytest.mark.parametrize(
        "text",
        [
            "password = 'hunter2'",
            "transport = 'smtp://me:hunter2@mail.example'",
            "token = 'hunter2'",
            "secret = 'hunter2'",
            "transport = 'smtpx://me:hunter2@mail.example'",
        ],
    )
    def test_a_secret_in_the_file_is_refused_and_not_repeated(self, tmp_path: Path, text: str) -> None:
        """The error says where it belongs."""
        line = refused(tmp_path, f"{MAIN}[mail]\n{text}\n")
        assert "hunter2" not in line
        assert "password_env or password_file" in line

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """The one that was asked for, and no other is taken instead."""
        with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file or directory"):
            load(tmp_path / "nowhere.toml", None, {})
        with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
            load(tmp_path, None, {})

    def test_bytes_that_are_no_text_are_named(self, tmp_path: Path) -> None:
        """A file in another encoding."""
        path = written(tmp_path)
        path.write_bytes(b"contact = '\xff'\n")
        with pytest.raises(ConfigError, match=r"rctrack\.toml: is no valid TOML"):
            load(path, None, {})

    def test_a_project_without_a_file_is_named(self, tmp_path: Path) -> None:
        """With the closest that there is, or all of them."""
        assert refused(tmp_path, 'projects = ["util-linx"]').endswith(
            "projects: found 'util-linx', for which there is no projects/util-linx.toml; did you mean 'util-linux'?"
        )
        assert "known are: backports, demo, " in refused(tmp_path, 'projects = ["zzzzzz"]')
        assert "for which there is no" in refused(tmp_path, 'projects = ["../demo"]')

    def test_a_project_that_is_not_followed_is_named(self, tmp_path: Path) -> None:
        """With those that are."""
        with pytest.raises(ConfigError, match="project 'git' is not followed; followed are: demo"):
            loaded(tmp_path).project("git")
        assert loaded(tmp_path).project("demo").name == "Demo"


class TestErrorsInAProjectFile:
    """Each names that file."""

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('scheme = "dotted"', 'scheme = "doted"', 'scheme: found \'doted\', expected "dotted" or "kernel"'),
            ('scheme = "dotted"', "", "scheme: found nothing, expected"),
            ('scheme = "dotted"', "scheme = ['dotted']", "scheme: found ['dotted'], expected"),
            ('name = "Demo"', "name = 5", "name: found 5, expected a string"),
            ('name = "Demo"', "nam = 'Demo'", "nam: unknown key; did you mean 'name'?"),
            ('name = "Demo"', "tag = 'v2'", "tag: found ['v2'], expected a template with {version} in it"),
            ('name = "Demo"', "tag = ['v{version}', '{version}{version}']", "tag: found"),
            ('name = "Demo"', "history = 'some'", 'history: found \'some\', expected "all" or "cycle"'),
            ('name = "Demo"', "verified = 1", "verified: found 1, expected true or false"),
            ('name = "Demo"', "ignore_tags = '('", "ignore_tags: found '(', expected a regular expression ("),
            ('name = "Demo"', "feature_parts = 0", "feature_parts: found 0, expected a number, or a table"),
            ('name = "Demo"', "feature_parts = '2'", "feature_parts: found '2', expected a number, or a table"),
            ('name = "Demo"', "feature_parts = true", "feature_parts: found True, expected"),
            ('name = "Demo"', "feature_parts = {}", "feature_parts: found {}, expected"),
            ('name = "Demo"', "feature_parts = { 'x' = 2 }", "feature_parts: found {'x': 2}, expected"),
            ("'^demo v(?P<version>\\S+)'", "'^demo v('", "lists.1.subject: found '^demo v(', expected a regular expr"),
            ("'^demo v(?P<version>\\S+)'", "'^demo v'", "expected a regular expression with the named group"),
            ("'^demo v(?P<version>\\S+)'", "5", "lists.1.subject: found 5, expected a list of strings"),
            ('kind = "public-inbox"', 'kind = "gopher"', "lists.1.kind: found 'gopher', expected"),
            ('from = ["Maintainer@example.org"]', "from = []", "lists.1.from: found [], expected addresses"),
            ('from = ["Maintainer@example.org"]', "form = ['a@b']", "lists.1.from: found [], expected"),
            ('"https://lists.example/demo"', '"gopher://x"', "lists.1.url: found 'gopher://x', expected https://"),
            ('"https://lists.example/demo"', '""', "lists.1.url: found '', expected https://"),
            ('kind = "public-inbox"', 'kind = "mbox"', "expected a path on this machine, or file://…"),
            (
                'kind = "public-inbox"\nurl = "https://lists.example/demo"',
                'kind = "pipermail"\nurl = "/srv/demo"',
                "expected https://… or http://…: these are pages",
            ),
            ('"https://lists.example/demo"', '"-oProxyCommand=x@y:z"', "lists.1.url: found '-oProxyCommand=x@y:z'"),
            (
                PROJECT,
                PROJECT.replace("public-inbox", "public-inbox-http").replace("^demo v", "^(?:demo )?v"),
                "lists.1.subject: found '^(?:demo )?v(?P<version>\\\\S+)', expected one with a whole word",
            ),
            ('"https://lists.example/demo"', '"--upload-pack=x"', "lists.1.url: found '--upload-pack=x', expected"),
            ('"https://lists.example/demo"', '"https://[x"', "lists.1.url: found 'https://[x', expected"),
            ('url = "https://git.example/demo.git"', "", "tags.1.url: found nothing, expected a string"),
            ('demo.git"', 'demo.git"\nrole = "main"', 'tags.1.role: found \'main\', expected "primary" or "mirror"'),
            (
                'demo.git"',
                'demo.git"\n[[tags]]\nurl = "https://git.example/demo.git/"',
                "the same source is named twice",
            ),
        ],
    )
    def test_an_error_says_what_would_be_right(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """Unknown keys, wrong types, impossible values, bad regular expressions."""
        assert old in PROJECT
        line = refused(tmp_path, project=PROJECT.replace(old, new))
        assert line.startswith(f"{tmp_path}/projects/demo.toml: ")
        assert said in line

    @pytest.mark.parametrize("url", ["https://me:hunter2@git.example/x", "https://hunter2@git.example/x"])
    def test_a_secret_in_a_url_is_refused_and_not_repeated(self, tmp_path: Path, url: str) -> None:
        """A token often stands where a user would."""
        line = refused(tmp_path, project=PROJECT.replace("https://git.example/demo.git", url))
        assert "tags.1.url: found 'one with a user or password in it'" in line
        assert "hunter2" not in line

    @pytest.mark.parametrize(
        ("block", "said"),
        [
            (
                '[[listings]]\nkind = "rss"\nurl = "https://x"',
                "listings.1.kind: found 'rss', expected \"releases.json\"",
            ),
            ('[[listings]]\nkind = "gitolite-log"\nurl = "https://x"', "listings.1.repository: found nothing"),
            ('[[listings]]\nkind = "releases.json"\nurl = "file:///x"', "listings.1.url: found "),
            ('[[tags]]\nkind = "cgit"\nurl = "git://x/y"', "https://… or http://…: these are pages"),
            ('[[tags]]\nkind = "svn"\nurl = "https://x"', 'expected "git" or "cgit" or "github"'),
        ],
    )
    def test_an_impossible_listing_or_page_is_refused(self, tmp_path: Path, block: str, said: str) -> None:
        """With the key and what would be right."""
        assert said in refused(tmp_path, project=f"{PROJECT}\n{block}\n")

    def test_a_project_without_any_source_is_refused(self, tmp_path: Path) -> None:
        """There would be nothing to look at."""
        assert "found neither [[tags]] nor [[lists]]" in refused(tmp_path, project='scheme = "dotted"')


class TestMeaning:
    """What a configuration comes to."""

    def test_defaults(self, tmp_path: Path) -> None:
        """Everything beside the state, one reader, a Maildir."""
        found = loaded(tmp_path)
        assert found.database == tmp_path / "state" / "rctrack" / "rctrack.db"
        assert found.mail.transport == f"maildir:{tmp_path}/state/rctrack/outbox"
        assert (found.schedule.tags, found.schedule.lists) == (timedelta(minutes=15), timedelta(minutes=10))
        (reader,) = found.mail.to
        assert (reader.address, reader.digest, reader.gets_first) == ("you@localhost", DigestTime(0, 8, 0), False)
        assert reader.topics == {*ALERTS, Topic.OPERATOR}
        (project,) = found.projects
        assert project.lists[0].rules.senders == {"maintainer@example.org"}
        assert project.lists[0].rules.servers == VGER_SERVERS
        assert project.lists[0].rules.link == "https://lists.example/demo/{message_id}/"
        assert project.rules.primaries == {"tags https://git.example/demo.git"}
        assert project.keeps_history

    def test_what_is_said_counts(self, tmp_path: Path) -> None:
        """Each key of the main file."""
        found = loaded(
            tmp_path,
            f"{MAIN}database = 'here.db'\ncontact = 'me@example.org'\n[schedule]\ntags='2h'\nlists='1d'\njitter='5s'\n"
            "[mail]\ntransport='smtp://me@mail.example:587'\nfrom='r@example.org'\npassword_env='PW'\n"
            "password_file='pw'\n[[mail.to]]\naddress='a@example.org'\nprojects=['demo']\nsend='digest'\n"
            "digest='daily 23:59'\ntimezone='Europe/Berlin'\n[[mail.to]]\naddress='b@example.org'\nsend=['alerts']\n",
        )
        assert (found.database, found.contact) == (tmp_path / "here.db", "me@example.org")
        assert found.state == tmp_path
        assert (found.schedule.tags, found.schedule.lists) == (timedelta(hours=2), timedelta(days=1))
        assert found.mail.password_env == "PW"
        assert found.mail.password_file == tmp_path / "pw"
        first, second = found.mail.to
        assert (first.topics, first.digest) == (frozenset({Topic.OPERATOR}), DigestTime(None, 23, 59))
        assert first.timezone == ZoneInfo("Europe/Berlin")
        assert first.wants(ProjectId("demo"))
        assert not first.wants(ProjectId("git"))
        assert (second.topics, second.digest) == (ALERTS, None)
        assert second.wants(ProjectId("git"))

    def test_a_reader_chooses_what_they_get_word_by_word(self, tmp_path: Path) -> None:
        """Alerts and more, or some of them; as soon as it is known, or whole."""
        first, second = loaded(
            tmp_path,
            f"{MAIN}[[mail.to]]\naddress='a@example.org'\nsend=['alerts', 'announced', 'operator']\nwhen='first'\n"
            "[[mail.to]]\naddress='b@example.org'\nsend=['rc', 'changed']\n",
        ).mail.to
        assert first.topics == {*ALERTS, Topic.ANNOUNCED, Topic.OPERATOR}
        assert second.topics == {Topic.RC, Topic.CHANGED}
        assert (first.gets_first, second.gets_first) == (True, False)
        assert (first.digest, second.digest) == (None, None)

    @pytest.mark.parametrize(
        ("sends", "operators"),
        [(("alerts", "alerts"), [True, False]), (("alerts", "operator"), [False, True]), (("operator",), [True])],
    )
    def test_the_first_reader_is_the_operator_unless_one_is_named(
        self, tmp_path: Path, sends: tuple[str, ...], operators: list[bool]
    ) -> None:
        """Somebody hears of a source that has moved, and not everybody."""
        readers = "".join(f"[[mail.to]]\naddress='{i}@example.org'\nsend='{send}'\n" for i, send in enumerate(sends))
        found = loaded(tmp_path, MAIN + readers).mail.to
        assert [Topic.OPERATOR in reader.topics for reader in found] == operators

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("demo.git", "{folder}/projects/demo.git"),
            ("../demo.git/", "{folder}/demo.git"),
            ("/srv/demo.git", "/srv/demo.git"),
            ("file:///srv/demo.git", "/srv/demo.git"),
            ("ssh://git@git.example/x", "ssh://git@git.example/x"),
            ("git://git.example/x/", "git://git.example/x"),
            ("git@git.example:kim/demo.git", "git@git.example:kim/demo.git"),
            ("./git@git.example:kim/demo.git", "{folder}/projects/git@git.example:kim/demo.git"),
        ],
    )
    def test_a_url_may_be_a_path(self, tmp_path: Path, url: str, expected: str) -> None:
        """Relative to the file that names it."""
        found = loaded(tmp_path, project=PROJECT.replace("https://git.example/demo.git", url))
        assert found.projects[0].tags[0].url == expected.format(folder=tmp_path)

    def test_the_database_option_wins(self, tmp_path: Path) -> None:
        """And the outbox goes with it."""
        path = written(tmp_path, f"{MAIN}database = 'here.db'\n")
        found = load(path, tmp_path / "other" / "there.db", {})
        assert found.database == tmp_path / "other" / "there.db"
        assert found.mail.transport == f"maildir:{tmp_path}/other/outbox"

    @pytest.mark.parametrize(
        ("parts", "eras"),
        [
            ("3", (((), 3),)),
            ('{ "2.0" = 2, "0" = 3 }', (((), 3), ((2,), 2))),
            ('{ "0" = 3, "3.0" = 2, "10.1" = 1 }', (((), 3), ((3,), 2), ((10, 1), 1))),
        ],
    )
    def test_feature_parts_by_era(self, tmp_path: Path, parts: str, eras: object) -> None:
        """In the order of the versions, in which a trailing zero equals absent."""
        found = loaded(tmp_path, project=f"feature_parts = {parts}\n{PROJECT}")
        assert found.projects[0].rules.feature_parts.eras == eras


class TestPlaces:
    """Where the configuration is looked for."""

    def test_the_order_of_the_places(self, tmp_path: Path) -> None:
        """Option, RCTRACK_CONFIG, home, then (past /etc) the shipped default."""
        option, named = tmp_path / "option.toml", tmp_path / "named.toml"
        home = tmp_path / "home" / "rctrack" / "rctrack.toml"
        environ = {"RCTRACK_CONFIG": str(named), "XDG_CONFIG_HOME": str(tmp_path / "home")}
        assert config.find(option, environ) == option
        assert config.find(None, environ) == named
        del environ["RCTRACK_CONFIG"]
        if not Path("/etc/rctrack/rctrack.toml").exists():
            assert config.find(None, environ) == config.shipped() / "rctrack.toml"
        home.parent.mkdir(parents=True)
        home.touch()
        assert config.find(None, environ) == home

    def test_home_is_dot_config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And state is under .local/state."""
        monkeypatch.setenv("HOME", str(tmp_path))
        mine = written(tmp_path / ".config" / "rctrack")
        assert config.find(None, {}) == mine
        assert load(None, None, {}).database == tmp_path / ".local" / "state" / "rctrack" / "rctrack.db"
        assert config.state_folder({"RCTRACK_STATE": "/var/lib/rctrack"}) == Path("/var/lib/rctrack")

    def test_own_projects_win_over_the_shipped(self, tmp_path: Path) -> None:
        """And the others are still there."""
        path = written(tmp_path, 'projects = ["git", "linux"]')
        (tmp_path / "projects" / "git.toml").write_text(PROJECT, "utf-8")
        found = load(path, None, {})
        assert found.project("git").name == "Demo"
        assert found.project("git").path == str(tmp_path / "projects" / "git.toml")
        assert found.project("linux").name == "Linux"
        assert set(config.known_projects(path)) >= {"demo", "git", "linux", "util-linux"}


class TestShipped:
    """What comes with rctrack."""

    MAIN_FILE = config.shipped() / "rctrack.toml"

    def test_the_default_follows_three_projects_for_one_local_reader(self, tmp_path: Path) -> None:
        """With a Maildir."""
        found = load(self.MAIN_FILE, tmp_path / "rctrack.db", {})
        assert [project.id for project in found.projects] == ["util-linux", "git", "linux"]
        assert found.mail.transport == f"maildir:{tmp_path}/outbox"
        assert [reader.address for reader in found.mail.to] == ["you@localhost"]

    @pytest.mark.parametrize("stem", sorted(config.known_projects(MAIN_FILE)))
    def test_every_project_file_parses(self, stem: str) -> None:
        """With a public address each, and a primary where there are tags."""
        project = config.load_project(stem, self.MAIN_FILE)
        assert project.id == stem
        assert all(source.url.startswith(("https://", "git://")) for source in project.sources)
        assert not project.tags or project.rules.primaries

    def test_each_key_that_is_commented_out_exists(self, tmp_path: Path) -> None:
        """The default says all that can be said: with every comment of a key taken away it still parses."""
        text = re.sub(r"^# (\w+ = )", r"\1", self.MAIN_FILE.read_text("utf-8"), flags=re.MULTILINE)
        assert "password_env" in tomllib.loads(text)["mail"]
        found = loaded(tmp_path, text, None)
        assert found.mail.transport.startswith("smtp://")
        every = {"database", "contact", "projects", "schedule", "mail"}
        assert set(tomllib.loads(text)) == every
        assert set(tomllib.loads(text)["mail"]) == {"transport", "from", "password_env", "password_file", "to"}
        assert set(tomllib.loads(text)["mail"]["to"][0]) == {"address", "projects", "send", "digest", "timezone"}
        assert set(tomllib.loads(text)["schedule"]) >= {"tags", "lists", "jitter"}
