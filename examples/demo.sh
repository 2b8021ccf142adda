#!/bin/sh
# `make demo`: the main job on the examples, one right and one wrong of each.
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/.venv/bin:$PWD/examples/build:$PATH"

say() {
	echo
	echo "# $*"
}

show() {
	echo "\$ $1"
	sh -c "$1"
	echo "[exit status $?]"
}

say "Two programs copy stdin to stdout. Fail each call that a signal could interrupt,"
echo "# once at each place in the program: does every byte still arrive?"
show "echo twelve bytes | pyshim --plugin faults 02_eintr_right"
show "echo twelve bytes | pyshim --plugin faults 01_eintr_wrong"

say "Two programs ask for memory. What if there is none?"
show "pyshim -e inject=mmap:error=ENOMEM 04_mmap_checked"
show "pyshim -e inject=mmap:error=ENOMEM 03_mmap_unchecked"

say "What does a program ask of the kernel?"
show "echo twelve bytes | pyshim --plugin log 02_eintr_right >/dev/null"

say "Another file at a path, and ten lines of Python that say no:"
show "pyshim --map /etc/motd.d=examples cat /etc/motd.d/10_deny_plugin.py"
show "pyshim --plugin examples/10_deny_plugin.py cat /etc/shadow"

say "What can be seen of a program, before it is run:"
show "pyshim check 01_eintr_wrong 05_hello_printf 07_hello_asm"
exit 0
