"""A server of its own for each script, and checks that say what they saw."""

import hmac
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request
from decimal import Decimal
from hashlib import sha256
from urllib.parse import urlencode

KEY, SECRET = "conformance-key", "conformance-secret"
OTHER_KEY, OTHER_SECRET = "other-key", "other-secret"
TAKER, MAKER = Decimal("0.0005"), Decimal("0.0002")

# Seconds that anything may take: far more than it does, so that a busy machine fails nothing.
PATIENCE = 60

passed, failed = 0, []


class Server:
    """The program under test, on a port that is free."""

    def __init__(self, *flags):
        binary = os.environ["LTL_BINARY"]
        accounts = ["--account", f"{KEY}:{SECRET}:10000", "--account", f"{OTHER_KEY}:{OTHER_SECRET}:10000"]
        command = [binary, "exchange", "--port", "0", *accounts, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = None
        for line in self.process.stdout:
            if line.strip().startswith("REST"):
                self.address = line.split()[1].removeprefix("http://")
            if line.strip().startswith(f"key          {OTHER_KEY}"):
                break
        if self.address is None:
            sys.exit("the server did not start")
        self.http, self.ws = f"http://{self.address}", f"ws://{self.address}"

    def get(self, path):
        with urllib.request.urlopen(self.http + path, timeout=PATIENCE) as reply:
            return json.load(reply)

    def signed(self, path, **parameters):
        """What the exchange's own books say, asked for without any client in between."""
        query = urlencode({**parameters, "timestamp": int(time.time() * 1000)})
        signature = hmac.new(SECRET.encode(), query.encode(), sha256).hexdigest()
        request = urllib.request.Request(f"{self.http}{path}?{query}&signature={signature}", headers={"X-MBX-APIKEY": KEY})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def control(self, path, body=None):
        data = json.dumps(body or {}).encode()
        request = urllib.request.Request(f"{self.http}/control/{path}", data=data, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return reply.status

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        check("the server ends cleanly on SIGTERM", code == 0, code)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def check(what, holds, *seen):
    """Counts a check; what was seen is told when it fails."""
    global passed
    if holds:
        passed += 1
    else:
        failed.append(what)
        print(f"FAILED: {what}", *seen, sep="\n    ", flush=True)


def equal(what, seen, expected):
    check(what, seen == expected, f"seen     {seen!r}", f"expected {expected!r}")


def close(what, seen, expected, tolerance="0.00000001"):
    near = abs(Decimal(str(seen)) - Decimal(str(expected))) <= Decimal(tolerance)
    check(what, near, f"seen     {seen}", f"expected {expected}")


def wait_for(condition, seconds=PATIENCE):
    """What `condition` gives once it gives something, or nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    return None


def section(name, call, *args):
    """Runs some checks. What ends them early is a failure, and the rest goes on."""
    try:
        call(*args)
    except Exception:
        check(f"{name} goes through", False, traceback.format_exc())


def finish(name):
    print(f"{name}: {passed} passed, {len(failed)} failed", flush=True)
    sys.exit(1 if failed else 0)
