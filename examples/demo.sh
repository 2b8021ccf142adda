#!/bin/sh
# `make demo`: the main job on two programs, one right, one wrong.
cd "$(dirname "$0")/.." || exit 1
PATH="$PWD/.venv/bin:$PATH"
data=$(mktemp)
trap 'rm -f "$data"' EXIT
echo "twelve bytes" >"$data"

show() {
	echo
	echo "\$ $*"
	"$@" <"$data"
	echo "[exit status $?]"
}

echo "Two programs copy stdin to stdout. Does each survive EINTR, wherever it can happen?"
show pyshim --plugin faults examples/build/02_eintr_right
show pyshim --plugin faults examples/build/01_eintr_wrong
echo
echo "What does a program do? Which of these can't be seen?"
show pyshim -e trace=openat,read,write examples/build/02_eintr_right
show pyshim check examples/build/05_hello_printf examples/build/07_hello_asm
exit 0
