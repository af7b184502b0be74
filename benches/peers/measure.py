"""What each engine says about its run: one line of JSON, the last of its standard output."""

import json
import os
import time


def version(package):
    from importlib.metadata import version as installed

    return installed(package)


class Stopwatch:
    """From the start of the process, which whoever started it says, to the first event, and from there to the last."""

    def __init__(self):
        self.started = float(os.environ["PEER_STARTED"])

    def first_event(self):
        self.loaded = time.time() - self.started
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def last_event(self):
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu

    def tell(self, peer, package, events, orders, fills, **more):
        row = {
            "peer": peer,
            "version": version(package),
            "events": events,
            "orders": orders,
            "fills": fills,
            "start_seconds": self.loaded,
            "run_seconds": self.wall,
            "run_cpu_seconds": self.cpu,
        }
        print(json.dumps({**row, **more}), flush=True)
