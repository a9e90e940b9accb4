"""Words: what a session says besides programs. What a customer's client does, and what befalls the system.

client uploads FILE [PATH]     sends the file over SFTP (to /inbox/FILE), and shows what the client is told
client breaks off FILE         sends half of it, and the connection is gone
program opens PATH             a program on our machine has the file open for writing
program closes PATH
engine starts, engine ends     an engine of another process runs on the same data
database goes, database comes  the database cannot be reached (SQLite: its file is somewhere else)
database is held, database is free   another program writes, and lets nobody else write (SQLite)
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

CUSTOMER = "banca-demo"
# One waits half a minute for a database that somebody else writes into; here nobody does.
PATIENCE = "PRAGMA busy_timeout=30000"
IMPATIENCE = "PRAGMA busy_timeout=0"


class Words:
    """The words of one session; `close` undoes what they did to the system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._undo: dict[str, ExitStack] = {}

    def close(self) -> None:
        """Let go of everything."""
        for stack in self._undo.values():
            stack.close()

    def said(self, words: list[str]) -> str | None:
        """Do what the words say, and return what is told; None when they are no words of ours."""
        for length in (3, 2):
            do = _DO.get(" ".join(words[:length]))
            if do is not None:
                return do(self, *words[length:])
        return None

    # -- the customer's client --------------------------------------------------------------------------------------

    def _uploads(self, name: str, path: str = "", *, is_whole: bool = True) -> str:
        from cominflow.errors import CominflowError
        from cominflow.exchange import disk
        from cominflow.exchange.sftp import place, session
        from cominflow.exchange.sftp.download import Begun
        from cominflow.exchange.sftp.packets import Opening, RefusedError
        from cominflow.exchange.sftp.upload import Upload
        from cominflow.exchange.sftp.view import Room, View

        content = (self._folder / name).read_bytes()
        upload: Upload | None = None
        with ExitStack() as stack:
            try:
                view = View(disk.Folders(self._folder / "data"), CUSTOMER, Begun(), Room())
                stack.callback(view.close)
                opened = view.open(
                    place.find(os.fsencode(path or f"/inbox/{name}")), Opening.WRITE | Opening.CREATE | Opening.TRUNCATE
                )
                assert isinstance(opened, Upload)
                upload = opened
                upload.write(0, content if is_whole else content[: len(content) // 2])
                if is_whole:
                    view.commit(upload)
                    return "OK"
                return ""
            except RefusedError as refused:
                return f"refused: {refused.text}"
            except OSError as cause:
                return f"failed: {session.failure_text(cause)}"
            except CominflowError:
                return "failed"
            finally:
                if upload is not None:
                    upload.discard()

    def _breaks_off(self, name: str) -> str:
        return self._uploads(name, is_whole=False)

    # -- what befalls the system ------------------------------------------------------------------------------------

    def _keep(self, what: str) -> ExitStack:
        return self._undo.setdefault(what, ExitStack())

    def _let_go(self, what: str) -> str:
        self._undo.pop(what).close()
        return ""

    def _opens(self, path: str) -> str:
        self._keep(path).callback(os.close, os.open(self._folder / path, os.O_WRONLY | os.O_APPEND))
        return ""

    def _engine_starts(self) -> str:
        from cominflow.exchange.disk import Folders
        from cominflow.flows import lock

        self._keep("engine").enter_context(lock.locked(Folders(self._folder / "data")))
        return ""

    def _database_goes(self) -> str:
        from django.db import connections

        connections.close_all()
        path = _database()
        away = path.with_name("away.db")
        path.rename(away)
        self._keep("database").callback(away.rename, path)
        return ""

    def _database_is_held(self) -> str:
        from django.db import connection

        from cominflow import settings

        stack, pragmas = self._keep("database"), settings.SQLITE_PRAGMAS
        assert PATIENCE in pragmas
        settings.SQLITE_PRAGMAS = tuple(IMPATIENCE if one == PATIENCE else one for one in pragmas)
        stack.callback(setattr, settings, "SQLITE_PRAGMAS", pragmas)
        connection.cursor().execute(IMPATIENCE)
        held = sqlite3.connect(_database(), isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        stack.callback(connection.close)
        stack.callback(held.close)
        return ""


def _database() -> Path:
    from django.conf import settings

    return Path(settings.DATABASES["default"]["NAME"])


_DO: dict[str, Callable[..., str]] = {
    "client uploads": Words._uploads,
    "client breaks off": Words._breaks_off,
    "program opens": Words._opens,
    "program closes": Words._let_go,
    "engine starts": Words._engine_starts,
    "engine ends": lambda words: words._let_go("engine"),
    "database goes": Words._database_goes,
    "database comes": lambda words: words._let_go("database"),
    "database is held": Words._database_is_held,
    "database is free": lambda words: words._let_go("database"),
}
