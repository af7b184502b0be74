"""Every engine as a process of its own: how it is started, what it said, and what the system says of it."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
HOME = PROJECT / "target" / "peers"
DATA = HOME / "data"
OURS = os.environ.get("LTL_BINARY", str(PROJECT / "target" / "release" / "live_trading_launcher"))
# How often a process is looked at; nothing that is measured rests on it.
LOOK_EVERY = 0.02


@dataclass
class Row:
    """One run. Seconds are wall time but for `cpu`, which is what the engine took of the processor from first event to last."""

    engine: str
    version: str = ""
    events: int = 0
    orders: int = 0
    fills: int = 0
    start: float = 0.0
    run: float = 0.0
    cpu: float = 0.0
    peak_mib: float = 0.0
    failed: str = ""

    @property
    def rate(self):
        return self.events / self.run if self.run else 0.0

    @property
    def cpu_rate(self):
        return self.events / self.cpu if self.cpu else 0.0


def python(peer):
    return str(HOME / peer / "bin" / "python")


def spend(command, limit, variables=None):
    """Runs a command to its end or its limit: exit code (none at the limit), output, CPU seconds, and peak memory in MiB."""
    log = HOME / "last.log"
    environment = {**os.environ, **(variables or {}), "PEER_STARTED": repr(time.time())}
    with log.open("w") as out, (HOME / "last.err").open("w") as err:
        process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=out, stderr=err)
        end = time.monotonic() + limit
        while True:
            done, status, used = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() > end:
                process.kill()
                process.wait()
                return None, "", 0.0, 0.0
            time.sleep(LOOK_EVERY)
    return process.returncode, log.read_text(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def failure(engine, code, limit):
    if code is None:
        return Row(engine, failed=f"not done after {limit:g} s")
    lines = (HOME / "last.err").read_text().strip().splitlines() or ["it said nothing"]
    return Row(engine, failed=f"exit code {code}: {lines[-1]}")


def peer(engine, command, limit):
    """A peer tells of itself in the last line of its output."""
    code, out, _, peak = spend(command, limit)
    lines = out.strip().splitlines()
    if code != 0 or not lines:
        return failure(engine, code, limit)
    said = json.loads(lines[-1])
    return Row(said["peer"], said["version"], said["events"], said["orders"], said["fills"], said["start_seconds"], said["run_seconds"], said["run_cpu_seconds"], peak)


def backtest(symbol, feed, report):
    """The command of a run of ours, and the variables that it needs."""
    command = [OURS, "backtest", "--config", str(HERE / "settings.toml"), "--symbols", symbol, "--feed", feed]
    # The checks run parts of the data again, which no peer does.
    return [*command, "--no-checks", "--json", str(report)], {"LTL__FEED__INSTRUMENTS_FILE": str(HERE / "instruments.json")}


def ours(engine, feed, limit, variables=None, cache=None):
    """Our `backtest`, with what it keeps in the folder `cache` if there is one, and its report without what differs from run to run."""
    report = HOME / "ours.json"
    command, needed = backtest("BTC/USDT", feed, report)
    if cache is None:
        command.append("--no-cache")
    else:
        needed["XDG_CACHE_HOME"] = str(cache)
    code, _, cpu, peak = spend(command, limit, {**needed, **(variables or {})})
    if code != 0:
        return failure(engine, code, limit), None
    told = json.loads(report.read_text())
    speed = told.pop("performance")
    version = subprocess.run([OURS, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    start, run = speed["load_seconds"], speed["run_seconds"]
    # One thread is at work from beginning to end, so that its time on the processor divides as its wall time does.
    cpu *= run / (start + run)
    return Row(engine, version, speed["records"], told["orders"], told["fills"], start, run, cpu, peak), told


@contextmanager
def exchange():
    """Our exchange on a port that is free; gives where it listens."""
    process = subprocess.Popen([OURS, "exchange", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in process.stdout:
            if line.strip().startswith("REST"):
                break
        else:
            sys.exit("the exchange did not start")
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait(timeout=10)
