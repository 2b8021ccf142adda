"""A call, as a hook in the target sees it."""

from __future__ import annotations

from pyshim.inside.memory import bytes_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyshim.inside.memory import Memory

_MADE = 1024  # enum call_flag of shim/call.h
_TEXTS = ("path", "str", "template")
_PATHS = ("path", "template", "fd", "dirfd")
_OF_64 = ("size", "ulong", "hex")
_SIGNED = ("int", "pid_t", "clockid_t", "key_t", "idtype_t")
_UNSIGNED = (
    *("unsigned int", "mode_t", "uid_t", "gid_t"),
    *("socklen_t", "id_t", "uint32_t"),
)
_WORD = (1 << 64) - 1


class Facts:
    """What the table says of one call."""

    __slots__ = ("ctypes", "fails", "index", "kinds", "name", "syscall")

    def __init__(self, name: str, syscall: str, fails: str, params: Any) -> None:
        self.name = name
        self.syscall = syscall
        self.fails = fails
        self.kinds = tuple(kind for _, kind, _ in params)
        self.ctypes = tuple(ctype for _, _, ctype in params)
        # struct call has room for six.
        self.index = {param: place for place, (param, _, _) in enumerate(params[:6])}

    def place(self, name: str) -> int:
        """Where the argument of that name is; AttributeError when there is none."""
        place = self.index.get(name)
        if place is None:
            known = ", ".join(self.index)
            raise AttributeError(f"{self.name} has no argument {name!r}, but {known}")
        return place

    def narrow(self) -> tuple[int, int]:
        """Bits for the arguments that are of 32 bits, with and without a sign."""
        bits = {_SIGNED: 0, _UNSIGNED: 0}
        for place, ctype in enumerate(self.ctypes[:6]):
            for types in bits:
                bits[types] |= (ctype in types) << place
        return bits[_SIGNED], bits[_UNSIGNED]


class Arguments:
    """The arguments of a call by the names the man page gives them.

    Numbers, and text for paths and strings; None for NULL and what can't be read.
    """

    __slots__ = ("_args", "_facts", "_memory")

    def __init__(self, facts: Facts, memory: Memory) -> None:
        self._facts = facts
        self._memory = memory
        self._args = memory.now.args

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> int | str | None: ...

    def __iter__(self) -> Any:
        return (getattr(self, name) for name in self._facts.index)

    def __repr__(self) -> str:
        pairs = (f"{name}={getattr(self, name)!r}" for name in self._facts.index)
        return f"Arguments({', '.join(pairs)})"


def _number(place: int, mask: int) -> property:
    def read(self: Arguments) -> int:
        value: int = self._args[place]
        return value & mask if mask else value

    return property(read)


def _numbers() -> dict[str, property]:
    """`s0` to `s5` and `u0` to `u5`: the arguments with and without sign."""
    return {
        f"{sign}{place}": _number(place, mask)
        for sign, mask in (("s", 0), ("u", _WORD))
        for place in range(6)
    }


numbers: dict[str, Any] = _numbers()
"""Where there is a bridge, embed_call.c puts faster ones in their place."""


def _text(place: int) -> property:
    def read(self: Arguments) -> str | None:
        text = self._memory.text(self._args[place])
        return None if text is None else text_of(text)

    return property(read)


def _arguments(facts: Facts, memory: Memory) -> Arguments:
    """Of a type of its own for each call: a property is found faster than by a name."""
    members: dict[str, Any] = {"__slots__": ()}
    for name, place in facts.index.items():
        kind = facts.kinds[place]
        sign = "u" if kind in _OF_64 else "s"
        members[name] = _text(place) if kind in _TEXTS else numbers[f"{sign}{place}"]
    # The name is what an AttributeError says: with a __getattr__ of the class to say it
    # better, every argument would take 50 ns more.
    name = f"{facts.name}({', '.join(facts.index)})"
    made: Arguments = type(name, (Arguments,), members)(facts, memory)
    return made


class Call:
    """One call, as a hook sees it. Valid only while the hook runs.

    There is one object for each call of the table: only one hook runs at a time, and
    making a new one would cost as much as the rest of the way here.
    """

    __slots__ = ("_facts", "_memory", "_now", "args")

    args: Arguments
    """By the man page's names: numbers, and text for paths and strings."""

    def __init__(self, facts: Facts, memory: Memory) -> None:
        self._facts = facts
        self._memory = memory
        self._now = memory.now
        self.args = _arguments(facts, memory)

    @property
    def name(self) -> str:
        """The libc function the program called."""
        return self._facts.name

    @property
    def syscall(self) -> str:
        """The kernel's name of it."""
        return self._facts.syscall

    @property
    def path(self) -> str | None:
        """The first path among the arguments, as the program wrote it.

        None when there is none, or when it can't be read.
        """
        for name, place in self._facts.index.items():
            if self._facts.kinds[place] == "path":
                path: str | None = getattr(self.args, name)
                return path
        return None

    @property
    def pid(self) -> int:
        """Process id."""
        return self._now.pid  # type: ignore[no-any-return]

    @property
    def tid(self) -> int:
        """Kernel thread id."""
        return self._now.tid  # type: ignore[no-any-return]

    @property
    def count(self) -> int:
        """How often hooks were asked about this call in this process, from 1.

        A fork's child goes on from its parent's.
        """
        return self._memory.count

    @property
    def ret(self) -> int:
        """What the call returned: in `pyshim_call_exit`, or after `real()`."""
        return self._now.ret  # type: ignore[no-any-return]

    @property
    def errno(self) -> int:
        """The errno it failed with, or 0: in `pyshim_call_exit`, or after `real()`."""
        return self._now.err  # type: ignore[no-any-return]

    def resolve(self, name: str = "") -> str | None:
        """A path argument, or the file behind a descriptor, as an absolute path.

        `name` is the argument, by default the first path, else the first descriptor.
        Resolved against the working directory or the call's dirfd, `..` by text alone.
        None when it can't be read, or when nothing with a path is behind it.
        """
        if name:
            return self._memory.path(self._facts.place(name))
        for wanted in (_PATHS[:2], _PATHS[2:]):
            for place, kind in enumerate(self._facts.kinds):
                if kind in wanted:
                    return self._memory.path(place)
        return None

    def buffer(self, name: str = "") -> memoryview | None:
        """The bytes of a buffer argument, not copied; released when the hook returns.

        `name` is the argument, by default the first buffer. What the program gives is
        read-only, as long as its length argument says. What it gets is there in
        `pyshim_call_exit` or after `real()`, as long as what came, and may be written.
        None when it can't be read. TypeError when the call has no such buffer, or
        when it is not there yet. Copy what is to be kept: a slice of it is not taken
        back, and reads what the program has put there since.
        """
        place = self._facts.place(name) if name else self._first(("in[", "out["))
        kind = self._facts.kinds[place] if place is not None else ""
        if place is None or not kind.startswith(("in[", "out[")):
            raise TypeError(f"{self.name} has no buffer{name and f' {name!r}'}")
        out = kind.startswith("out[")
        if out and not self.is_made():
            raise TypeError(f"{self.name} has not been made: nothing is there yet")
        address = self._now.args[place]
        size = self._length(kind[kind.index("[") + 1 : -1], place)
        return self._memory.view(address, size, writable=out)

    def address(self) -> tuple[str, int] | str | None:
        """A socket address argument: (IP, port), or the path of a Unix socket.

        An abstract one begins with "@". Of sendmsg and recvmsg it is their message's.
        None for other families, when there is none, and when it can't be read.
        """
        for place, ctype in enumerate(self._facts.ctypes):
            at = self._now.args[place]
            if "sockaddr" in ctype:
                return self._address(at, self._size_of_address(place + 1))
            if "msghdr" in ctype:
                # msg_name and msg_namelen begin it, recv(2); mmsghdr begins with it.
                return self._address(
                    self._memory.number(at, 8), self._memory.number(at + 8, 4)
                )
        return None

    def _size_of_address(self, place: int) -> int | None:
        size: int = self._now.args[place]
        is_pointer = "*" in self._facts.ctypes[place]
        return self._memory.number(size, 4) if is_pointer else size

    def _address(
        self, at: int | None, size: int | None
    ) -> tuple[str, int] | str | None:
        view = self._memory.view(at or 0, size or 0, writable=False)
        return _address(bytes(view)) if view else None

    def real(self, **changes: int | str | bytes) -> int:
        """Make the call now, in the middle of the hook; returns its result.

        With `changes` as in `Args`. Other threads' hooks may run meanwhile, signals are
        handled. `ret` and `errno` tell how it went, and that is what the program gets,
        unless the hook returns another verdict. TypeError for what can't be made from
        a hook: what does not return, or twice, starts a program, or has been made.
        """
        if self.is_made():
            raise TypeError(f"{self.name} has been made")
        change(self._memory, self._facts, changes)
        if not self._memory.real():
            raise TypeError(f"{self.name} can't be made from a hook")
        return int(self._now.ret)

    def is_made(self) -> bool:
        """Whether the kernel has had it: in `pyshim_call_exit`, or after `real()`."""
        return not self._memory.entering or bool(self._now.flags & _MADE)

    def _first(self, kinds: tuple[str, ...]) -> int | None:
        for place, kind in enumerate(self._facts.kinds):
            if kind.startswith(kinds):
                return place
        return None

    def _length(self, size: str, place: int) -> int:
        """Bytes of a buffer of kind in[size] or out[size]."""
        if size != "ret":
            return int(size) if size.isdigit() else int(getattr(self.args, size))
        if self.errno:
            return 0
        most = self._now.args[place + 1]
        if self._facts.fails == "NULL":
            text = self._memory.text(self.ret)
            return 0 if text is None else min(len(text) + 1, most)
        return max(0, min(self.ret, int(most)))

    def __repr__(self) -> str:
        return f"<Call {self.name} of {self.pid}>"


def change(memory: Memory, facts: Facts, changes: dict[str, int | str | bytes]) -> None:
    """Give the call other arguments: all of them or, when one is wrong, none."""
    values = {}
    for name, value in changes.items():
        if name not in facts.index:
            raise TypeError(f"{facts.name} has no argument {name!r}")
        number = value if isinstance(value, int) else memory.keep(bytes_of(value))
        if not -(1 << 63) <= number < 1 << 64:
            raise OverflowError(f"{name}={value!r} has more than 64 bits")
        values[facts.index[name]] = number - (number >> 63 > 0) * (1 << 64)
    for place, number in values.items():
        memory.now.args[place] = number


def _address(raw: bytes) -> tuple[str, int] | str | None:
    family = int.from_bytes(raw[:2], "little")
    if family == 1:
        path, _, _ = raw[2:].partition(b"\0")
        return text_of(path or raw[2:].replace(b"\0", b"@", 1))
    if family not in (2, 10) or len(raw) < (8 if family == 2 else 24):
        return None
    # Not of `socket`, which imports 25 modules.
    from _socket import inet_ntop

    host = raw[4:8] if family == 2 else raw[8:24]
    return inet_ntop(family, host), int.from_bytes(raw[2:4], "big")
