"""The host's side of `pyshim ctl`: answers who connects, between two other things.

One line asks, one line of JSON answers: {"rules": [...]} of those that were named, as
control.RuleState, or {"error": "..."}.

    list            on NAME|all     reset NAME|all
    hits [NAME]     off NAME|all    wait NAME [COUNT]   until it was hit so often

Nothing here waits: what can't be read or written now is for the next tick.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pyshim import control_socket
from pyshim.control import ALL, Board, RuleState
from pyshim.errors import PyshimError

MOST_CLIENTS = 32
LONGEST_LINE = 512
"""Bytes of a question."""
PATIENCE = 30.0
"""Seconds after which a client is left that neither asks nor reads."""


@dataclass(slots=True)
class _Client:
    link: socket.socket
    heard: float
    """When it last asked or read: time.monotonic()."""
    asked: bytes = b""
    answer: bytes = b""
    """What it has not read yet; no further question is answered before."""
    waits: tuple[str, int] | None = None
    """For so many hits of this rule."""
    ended: bool = False
    """It says no more; what it asked is answered all the same."""


def _hope(client: _Client) -> tuple[bool, float]:
    """The least: who is left first for one that comes anew."""
    return client.waits is not None, client.heard


@dataclass(slots=True)
class Server:
    """Serves the board at a socket it owns. `tick` never waits and never raises for
    what a client does."""

    board: Board
    listener: socket.socket
    paths: tuple[Path, ...]
    """To be removed at the end."""
    _clients: list[_Client] = field(default_factory=list)

    def tick(self) -> None:
        """Accept, read, answer, as far as that goes now."""
        self._accept()
        for client in tuple(self._clients):
            try:
                kept = self._serve(client)
            except OSError:
                kept = False
            if not kept:
                self._leave(client)

    def close(self) -> None:
        """Hang up on everybody; who waits sees the end of the run in that."""
        for client in tuple(self._clients):
            self._leave(client)
        self.listener.close()
        for path in self.paths:
            with suppress(OSError):
                path.unlink()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                link.setblocking(False)
                if not control_socket.peer_is_ours(link):
                    link.close()
                    continue
                if len(self._clients) >= MOST_CLIENTS:
                    self._leave(min(self._clients, key=_hope))
                self._clients.append(_Client(link, time.monotonic()))

    def _leave(self, client: _Client) -> None:
        self._clients.remove(client)
        client.link.close()

    def _serve(self, client: _Client) -> bool:
        """False: to be left."""
        self._look_at_waiting(client)
        self._write(client)
        self._read(client)
        while not (client.answer or client.waits) and b"\n" in client.asked:
            line, _, client.asked = client.asked.partition(b"\n")
            self._answer(client, line)
            self._write(client)
        if client.waits:
            return True
        if client.ended and not client.answer:
            return False
        return time.monotonic() - client.heard < PATIENCE

    def _write(self, client: _Client) -> None:
        if client.answer:
            with suppress(BlockingIOError):
                sent = client.link.send(client.answer, socket.MSG_NOSIGNAL)
                client.answer = client.answer[sent:]
                client.heard = time.monotonic()

    def _read(self, client: _Client) -> None:
        """A last line may lack its end."""
        if client.answer or client.ended:
            return
        try:
            more = client.link.recv(LONGEST_LINE)
        except BlockingIOError:
            return
        client.heard = time.monotonic()
        client.asked += more
        client.ended = not more
        if client.ended and client.asked:
            client.asked += b"\n"
        if b"\n" not in client.asked[: LONGEST_LINE + 1] and more:
            self._check_length(client)

    def _check_length(self, client: _Client) -> None:
        if len(client.asked) > LONGEST_LINE:
            self._say(client, error=f"a line of more than {LONGEST_LINE} bytes")
            client.asked, client.ended = b"", True

    def _answer(self, client: _Client, line: bytes) -> None:
        try:
            words = line.decode("ascii").split()
            self._say(client, rules=self._do(client, words))
        except UnicodeDecodeError:
            self._say(client, error="a line that is not ASCII")
        except PyshimError as error:
            self._say(client, error=str(error))

    def _do(self, client: _Client, words: list[str]) -> tuple[RuleState, ...] | None:
        """What was asked for; None: the answer comes later."""
        board = self.board
        match words:
            case ["list"] | ["hits"]:
                return board.rules()
            case ["hits", name]:
                return board.rules(name)
            case ["on" | "off" | "reset" as verb, name]:
                verbs: dict[str, Callable[[str], None]] = {
                    "on": board.on, "off": board.off, "reset": board.reset
                }  # fmt: skip
                verbs[verb](name)
                return board.rules(name)
            case ["wait", name, *count] if len(count) < 2:
                self._wait(client, name, *count)
                return None
            case ["add", *_]:
                raise PyshimError(
                    "rules can't be added to a run: its programs have read theirs",
                    allowed="-e inject=...:name=NAME:off at the start, then `on NAME`",
                )
        raise PyshimError(f"not understood: {' '.join(words)!r}", allowed=COMMANDS)

    def _wait(self, client: _Client, name: str, count: str = "1") -> None:
        self.board.hits(name)
        if not (count.isdecimal() and 0 < int(count) < 2**63):
            raise PyshimError(f"wait: {count!r}", allowed="a number of hits, from 1 on")
        client.waits = (name, int(count))
        self._look_at_waiting(client)

    def _look_at_waiting(self, client: _Client) -> None:
        if client.waits and self.board.hits(client.waits[0]) >= client.waits[1]:
            name, client.waits = client.waits[0], None
            self._say(client, rules=self.board.rules(name))

    def _say(
        self,
        client: _Client,
        rules: tuple[RuleState, ...] | None = None,
        error: str = "",
    ) -> None:
        if error:
            client.answer += _line({"error": error})
        elif rules is not None:
            client.answer += _line({"rules": [asdict(rule) for rule in rules]})


COMMANDS = f"list, hits [NAME], on|off|reset NAME|{ALL}, wait NAME [COUNT]"


def _line(what: object) -> bytes:
    return json.dumps(what).encode() + b"\n"


def serve(board: Board, folder: Path, path: str | None) -> Server:
    """At `path`, where one was asked for, with a link to it in the run's folder; else
    in there. Raises UsageError."""
    inside = folder / control_socket.SOCKET
    if path is None:
        return Server(board, control_socket.listen(inside), (inside,))
    place = Path(path).absolute()
    listener = control_socket.listen(place)
    inside.symlink_to(place)
    return Server(board, listener, (inside, place))
