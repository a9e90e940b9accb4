"""Scene: two customers with all they need, made with the commands that an operator types; each is printed."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import click

from cominflow.cli import group, running
from cominflow.cli.demo.client import Client, make_key
from cominflow.errors import CominflowError, WorldError

CUSTOMERS = {"banca-demo": "Banca Demo", "istituto-demo": "Istituto Demo"}
# (code, title, provider, price, customer)
SERVICES = (
    ("VIS1", "Visura ordinaria", "table", "3.50", "banca-demo"),
    ("VIS2", "Visura storica", "table", "5.90", "banca-demo"),
    ("ANAG", "Controllo anagrafico", "table", "0.805", "istituto-demo"),
    ("PROT", "Controllo protesti", "table", "1.20", "istituto-demo"),
    ("REDD", "Controllo reddito", "manual", "12.00", "istituto-demo"),
)


def shipped_layouts() -> Path:
    """The folder of the layouts that come with the program."""
    folder = Path(__file__).parents[3] / "layouts"
    if not (folder / "banca-demo" / "feed.toml").exists():
        raise CominflowError(f"the demo's layouts are not at {folder}", hint="run it from a checkout of the project")
    return folder


def command(*words: str, quiet: bool = False) -> None:
    """Run one of our own commands as `told` does; it must succeed."""
    code = told(*words, quiet=quiet)
    if code != 0:
        raise CominflowError(f"`cominflow {' '.join(words)}` ended with exit code {code}", hint="see the lines above")


def told(*words: str, quiet: bool = False) -> int:
    """Run one of our own commands in this process, printed as a person would type it. Returns its exit code."""
    if not quiet:
        click.secho(f"$ cominflow {' '.join(_quoted(word) for word in words)}", dim=True)
    with contextlib.redirect_stdout(io.StringIO() if quiet else sys.stdout):
        return running.run(group, "cominflow", list(words))


def build(folder: Path, table: Path) -> None:
    """Customers, keys, services, prices, feeds."""
    layouts = shipped_layouts()
    command("init")
    for code, name in CUSTOMERS.items():
        command("customer", "add", code, "--name", name)
        public = folder / "client" / f"{code}.pub"
        public.write_text(make_key(public.with_suffix("")))
        command("key", "add", code, str(public))
    fields = {"punteggio": "punteggio", "esposizione": "esposizione"}
    for code, title, provider, price, customer in SERVICES:
        settings = {"file": str(table), "key": {"codice_fiscale": "codice_fiscale"}, "result": fields}
        words = ["--settings", json.dumps(settings)] if provider == "table" else []
        command("service", "add", code, "--title", title, "--provider", provider, *words)
        command("price", "set", customer, code, price)
    for code in CUSTOMERS:
        command("feed", "publish", code, str(layouts / code / "feed.toml"))


class System:
    """`cominflow up` as a process of its own, on a free port. Use with `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "up.log"

    def __enter__(self) -> System:
        click.secho("$ cominflow up --listen 127.0.0.1:0", dim=True)
        self._sink = self.log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "cominflow", "up", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=self._sink,
        )
        try:
            self._read_where()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._sink.close()

    def _read_where(self) -> None:
        """Wait for the lines in which both processes say that they are ready."""
        assert self._process.stdout is not None
        address, known, is_engine = "", "", False
        while not (address and known and is_engine):
            line = self._process.stdout.readline().decode()
            if not line:
                raise WorldError("start", "cominflow up", self.log.read_text().strip() or "it ended without a word")
            if line.startswith("sftp listening on "):
                address = line.removeprefix("sftp listening on ").split(",")[0]
                click.echo(line, nl=False)
            elif line.startswith("known_hosts: "):
                known = line.removeprefix("known_hosts: ")
            is_engine = is_engine or line.startswith("engine running")
        host, _, port = address.rpartition(":")
        self.host, self.port = host, int(port)
        (self.folder / "client" / "known_hosts").write_text(known)

    def client(self, customer: str) -> Client:
        """A customer's access to it."""
        client = self.folder / "client"
        return Client(customer, client / customer, client / "known_hosts", self.host, self.port)


def _quoted(word: str) -> str:
    if word and all(c.isalnum() or c in "-_./:=" for c in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"
