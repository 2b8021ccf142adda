"""Threads, children, forks, C functions and collections, for Python 3.8 and later."""

import ctypes
import gc
import os
import socket
import subprocess
import sys
import tempfile
import threading


class Loop:
    """Part of a cycle that only the collector frees."""

    def __init__(self):
        self.me = self


def status_of(pid):
    return os.waitpid(pid, 0)[1] >> 8


def forks():
    total = 0
    for code in range(5):
        pid = os.fork()
        if pid == 0:
            worker = threading.Thread(target=gc.collect)
            worker.start()
            worker.join()
            os._exit(code)
        total += status_of(pid)
    print("forks:", total, flush=True)


def threads():
    results = []

    def work(number):
        for i in range(40):
            with open("/dev/null", "rb") as file:
                results.append(len(file.read()) + number * i)

    all_of_them = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for each in all_of_them:
        each.start()
    for each in all_of_them:
        each.join()
    print("threads:", len(results), sum(results))


def children():
    words = ["sh", "-c", "echo from the shell; exit 3"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    print("children:", done.stdout.decode().strip(), done.returncode)
    code = "import sys, json, threading; print(len(json.dumps([1, 2])))"
    print(
        "itself:",
        subprocess.check_output([sys.executable, "-Ic", code]).decode(),
        end="",
    )


def c_functions():
    libc = ctypes.CDLL(None)
    comparison = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)
    )
    numbers = (ctypes.c_int * 50)(*(i * 7 % 50 for i in range(50)))
    libc.qsort(numbers, 50, 4, comparison(lambda a, b: a[0] - b[0]))
    print("ctypes:", list(numbers) == list(range(50)), libc.getppid() == os.getppid())


def collections():
    for _ in range(3000):
        Loop()
    gc.collect()
    print("left:", sum(isinstance(each, Loop) for each in gc.get_objects()))


def exceptions():
    caught = 0
    for i in range(300):
        try:
            raise ValueError(i)
        except ValueError:
            caught += 1
    try:
        forever()
    except RecursionError:
        caught += 1
    print("exceptions:", caught)


def forever():
    return forever() + 1


def files():
    with tempfile.TemporaryDirectory() as folder:
        for i in range(40):
            with open(f"{folder}/{i}", "w") as file:
                file.write("x" * i)
        print("files:", len(os.listdir(folder)))
    one, two = socket.socketpair()
    one.send(b"over a socket")
    print(two.recv(100).decode())
    one.close()
    two.close()


forks()
threads()
children()
c_functions()
collections()
exceptions()
files()
with open("note") as note:
    print("note:", note.read().strip())
sys.exit(7)
