"""Threads that stat and write, and queues between them."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def work(todo: queue.Queue[int]) -> None:
    while (size := todo.get()) >= 0:
        with open(f"out{size}", "w") as file:
            file.write("x" * size)


with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda n: Path("tree").stat().st_nlink * n, range(200))))
sizes: queue.Queue[int] = queue.Queue()
threads = [threading.Thread(target=work, args=(sizes,)) for _ in range(3)]
for each in threads:
    each.start()
for size in [*range(30), -1, -1, -1]:
    sizes.put(size)
for each in threads:
    each.join()
