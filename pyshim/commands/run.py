"""`pyshim [run] [OPTIONS] COMMAND...`: run a program under the shim."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pluggy

from pyshim import bridge_host, launch, layers, plugins, run_options
from pyshim.bridge_host import AUTO
from pyshim.calls import table
from pyshim.commands import strace_options
from pyshim.commands.parser import Parser, add_no_patch
from pyshim.errors import PyshimError, UsageError
from pyshim.layers import Reason
from pyshim.plugins import Plugin
from pyshim.programs import find_program
from pyshim.rules import Rule, parse_expression
from pyshim.run import FAILED, Run
from pyshim.session import Session, warn_bypass
from pyshim.wants import Wants

_USAGE = "pyshim [OPTIONS] [--] COMMAND [ARGUMENT]..."
_EPILOG = """\
other commands (--help): ctl, fiu, check, coverage, calls, plugins, new-plugin
A program named like one of them needs `--`.
exit status: the command's own; 124 timed out, 125 pyshim failed, 126/127 not run

example: pyshim -e inject=read:error=EINTR:when=3+2 ./app
"""


class _Wide(argparse.RawDescriptionHelpFormatter):
    """With room for the longest option: all of it is to fit a screen."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26)

    def _format_text(self, text: str) -> str:
        """Without an empty line between a group's summary and its options."""
        lines = super()._format_text(text)
        return lines.rstrip("\n") + "\n" if self._current_indent else lines


def make_parser(known: dict[str, Plugin], add_help: bool = True) -> Parser:
    """The parser with the options of these plugins."""
    parser = Parser(
        add_help=add_help,
        prog="pyshim",
        usage=_USAGE,
        epilog=_EPILOG,
        formatter_class=_Wide,
        allow_abbrev=False,
        description="Run COMMAND under the shim: see, fail or redirect its calls.",
    )
    parser.add_argument(
        "-p",
        "--plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="switch a plugin on: a name or ./FILE.py",
    )
    parser.add_argument(
        "-e",
        action="append",
        default=[],
        metavar="EXPR",
        dest="expr",
        help="trace=SET, inject=SET:..., fault=SET:..., as strace",
    )
    strace_options.add(parser)
    parser.add_argument(
        "--layer",
        choices=layers.CHOICES,
        default=layers.AUTO,
        metavar="LAYER",
        help="symbols, full (what libc does by itself, too), auto",
    )
    add_no_patch(parser)
    parser.add_argument(
        "--bridge",
        choices=bridge_host.CHOICES,
        default=AUTO,
        metavar="WHERE",
        help="Python hooks run in the target, in the host, auto",
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=_seconds,
        help="end the command after 10s, 500ms, 2m: status 124",
    )
    parser.add_argument(
        "--hook-limit",
        metavar="TIME",
        type=_seconds,
        default=10.0,
        help="give up a Python hook that takes longer (10s)",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="say which layer, why, which calls; run nothing",
    )
    parser.add_argument(
        "--ctl",
        metavar="PATH",
        help="the socket that `pyshim ctl` is to use",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse (125) a program that bypasses the shim",
    )
    parser.add_argument(
        "--strict-plugins",
        action="store_true",
        help="end the run (125) when a Python hook fails",
    )
    for plugin in known.values():
        group = parser.add_argument_group(plugin.name, plugin.summary)
        plugins.manager([plugin]).hook.pyshim_addoption(parser=group)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _seconds(text: str) -> float:
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    number = text.rstrip("nsumh")
    try:
        value = float(number) * units[text[len(number) :] or "s"]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(
            f"bad time {text!r}; allowed: 10, 10s, 500ms, 2m"
        ) from None
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"bad time {text!r}; it must be positive")
    return value


def run(argv: list[str]) -> int:
    """Run the target; ends this process as the target ended."""
    known = _with_local(plugins.installed(), argv)
    parser = make_parser(known)
    options = parser.parse_args(argv)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise UsageError("no command given", allowed=_USAGE)
    strace_options.check(options)
    made = _switch_on(options, parser, known)
    expressions = tuple(parse_expression(text) for text in options.expr)
    state = Run(options, expressions, tuple(command), table())
    wants, why = _ask_plugins(state, made)
    if options.explain:
        return _explain(state, wants, why)
    _look_before(state)
    outcome = Session(state, made, wants).execute()
    if not state.failure or outcome.timed_out:
        launch.end_as(outcome)
    state.say(state.failure)
    return FAILED


def _with_local(known: dict[str, Plugin], argv: list[str]) -> dict[str, Plugin]:
    """Also the local files among the plugins named: their options are options, too.

    Behind their -p: before it, the word after an option still unknown is the command.
    """
    words = make_parser(known, add_help=False).parse_known_args(argv)[0].plugin
    files = [each for each in words if plugins.is_file(each) and each not in known]
    if not files:
        return known
    return _with_local(known | {each: plugins.from_file(each) for each in files}, argv)


def _switch_on(
    options: argparse.Namespace, parser: Parser, known: dict[str, Plugin]
) -> pluggy.PluginManager:
    """The plugins named, and those whose options or qualifiers were used."""
    chosen = [plugins.find(word, known) for word in dict.fromkeys(options.plugin)]
    words = {parse_expression(text)[0] for text in options.expr}
    for plugin in known.values():
        used = _used_options(parser, options, plugin.name)
        qualifiers = _flat(plugins.manager([plugin]).hook.pyshim_qualifiers())
        if plugin not in chosen and (used or words & set(map(str, qualifiers))):
            chosen.append(plugin)
    return plugins.manager(chosen)


def _used_options(parser: Parser, options: argparse.Namespace, group: str) -> bool:
    """Whether any option of this group differs from its default."""
    for each in parser._action_groups:
        if each.title == group:
            return any(
                getattr(options, action.dest) != action.default
                for action in each._group_actions
            )
    return False


def _ask_plugins(
    state: Run, made: pluggy.PluginManager
) -> tuple[Wants, tuple[Reason, ...]]:
    """All that they want of the shim, and why that needs the full layer."""
    hook = made.hook
    _tell_options(state)
    hook.pyshim_configure(run=state)
    _tell_options(state)
    state.rules = tuple(_flat(hook.pyshim_rules(run=state)))  # type: ignore[arg-type]
    logged = plugins.wanted_events(made, state)
    caught = state.options.layer == layers.FULL or bool(state.needs_full)
    hooks = plugins.target_hooks(made, state.table, caught)
    bridge, why_host = bridge_host.choose(state.options.bridge) if hooks else (AUTO, "")
    if why_host:
        state.say(f"Python hooks run in the host: {why_host}")
    wants = Wants(
        rules=state.rules,
        logged=frozenset().union(*logged.values()),
        maps=tuple(_flat(hook.pyshim_maps(run=state))),  # type: ignore[arg-type]
        hooks=hooks,
        strsize=state.options.s,
        search_path=plugins.search_path() if hooks else (),
        patched=state.options.patched,
        strict=state.options.strict_plugins,
        heard=bool(hook.pyshim_event.get_hookimpls()),
        options=vars(state.options),
        bridge=bridge,
        program=state.argv[0],
    )
    why = layers.reasons(wants, logged, state.needs_full)
    full = layers.is_full(state.options.layer, why)
    rules = _without_stand_ins(wants.rules) if full else wants.rules
    return replace(wants, rules=rules, full=full), why


def _without_stand_ins(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(replace(each, calls=each.calls - each.stand_ins) for each in rules)


def _tell_options(state: Run) -> None:
    run_options.give(run_options.literal(vars(state.options)))


def _explain(state: Run, wants: Wants, why: Sequence[Reason]) -> int:
    from pyshim.explain import explain

    for line in explain(state, wants, why):
        print(line)
    return 0


def _flat(parts: Sequence[Sequence[object]]) -> list[object]:
    """What several plugins returned, as one list."""
    return [each for part in parts for each in part]


def _look_before(state: Run) -> None:
    """Refuse what does not exist, warn of what will bypass us."""
    try:
        path = find_program(state.argv[0], os.environ.get("PATH"))
    except OSError:
        return
    warning = warn_bypass(str(path))
    if warning and state.options.strict:
        raise PyshimError(f"bypass: {warning}", allowed="leave --strict out")
    if warning:
        state.bypassed.append(warning)
        state.told.add(warning)
        state.say(f"bypass: {warning}; what it does will not be seen")
