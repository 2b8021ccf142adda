"""Hooks outside the target: where an interpreter can't be inside, or is not to be.

Each process of the target's that reaches a hook has a stand-in, a process of the host's
with an interpreter for it alone: it imports the plugins when the process begins, forks
when that forks, is killed when that ends. So module globals are what they are inside.
The nursery makes and ends them. What is shared is in shim/remote_wire.h.

Nothing of the host's is here: these processes begin as a bare interpreter.
"""
