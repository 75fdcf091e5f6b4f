#!/usr/bin/python3
"""What takes longer about a provisioned broker: fifty thousand accounts, and an add that is killed at
every one of its system calls. Each killed directory must be one that Mosquitto runs on, closed as it was.

usage: check_provision.py (BUILD names the build directory; from make check-long)
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from port import answers, free_port

BUILD = os.environ.get("BUILD", "build")
PROGRAM = os.path.abspath(f"{BUILD}/infoscreen-tui")
MANY = 50000
OWN = "9b8d1856-ff34-4864-a726-12de072d0f77"
OTHER = "41aa03c2-0000-4000-8000-000000000002"
CALLS = "openat,write,fsync,fchmod,rename,unlink,kill,sendto,connect"


class Directory:
    """A broker's directory of one back end, and Mosquitto on it."""

    def __init__(self, base, backend):
        self.path = os.path.join(base, "broker")
        shutil.rmtree(self.path, ignore_errors=True)
        self.console, self.device, self.broker = free_port(), free_port(), None
        made = self.run("init", "--backend", backend, "--listen", f"127.0.0.1:{self.console}",
                        "--device-listen", f"127.0.0.1:{self.device}")
        self.server = made["accounts"][0]["password"]

    def run(self, verb, *words, code=0, **more):
        done = subprocess.run([PROGRAM, "broker", verb, *words, "--dir", self.path, "-o", "json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
        if code is not None and done.returncode != code:
            raise SystemExit(f"broker {verb}: {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout else {}

    def start(self):
        began = time.monotonic()
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
        self.broker = subprocess.Popen(["mosquitto", "-c", f"{self.path}/mosquitto.conf"],
                                       stderr=subprocess.DEVNULL, env={**os.environ, "PATH": path})
        for port in (self.device, self.console):
            while not answers(port):
                if self.broker.poll() is not None or time.monotonic() > began + 120:
                    raise SystemExit("Mosquitto doesn't run on that directory")
                time.sleep(0.01)
        return time.monotonic() - began

    def stop(self):
        if self.broker:
            self.broker.terminate()
            self.broker.wait()
        self.broker = None

    def publish(self, port, username, password, topic):
        """Whether the broker takes it: mosquitto_pub says "Not authorized" for a refusal by PUBACK or CONNACK."""
        done = subprocess.run(["mosquitto_pub", "-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", str(port), "-u", username,
                               "-P", password, "-t", topic, "-m", "x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return "uthori" not in done.stdout and done.returncode == 0


def check_many(base):
    d = Directory(base, "dynsec")
    uuids = [f"{(i * 2654435761) % 2**32:08x}-0000-4000-8000-{i:012x}" for i in range(MANY)]
    began = time.monotonic()
    made = d.run("add", "--file", "-", "--group", "vienna-1", input="\n".join(uuids))["accounts"]
    seconds = time.monotonic() - began
    start = d.start()
    print(f"{MANY} accounts: made in {seconds:.1f} s, Mosquitto starts with them in {start:.1f} s")
    ok = seconds < 60 and start < 10
    for a in (made[0], made[-1]):
        ok &= d.publish(d.device, a["username"], a["password"], f"infoscreen/{a['client_uuid']}/heartbeat")
        ok &= not d.publish(d.device, a["username"], a["password"], f"infoscreen/{OWN}/heartbeat")
    began = time.monotonic()
    d.run("add", OWN, env={**os.environ, "MQTT_PASSWORD": d.server})
    print(f"one more, while it runs: {time.monotonic() - began:.1f} s")
    d.stop()
    return ok


def check_killed(base, backend, running):
    """An add is killed at the n-th call of each kind, until it gets through."""
    kills = 0
    for call in CALLS.split(","):
        for n in range(1, 400):
            d = Directory(base, backend)
            own = d.run("add", OWN)["accounts"][0]
            if running:
                d.start()
            done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}",
                                   PROGRAM, "broker", "add", OTHER, "--dir", d.path], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env={**os.environ, "MQTT_PASSWORD": d.server})
            through = done.returncode == 0
            kills += not through
            d.stop()
            d.start()
            if not (d.publish(d.device, own["username"], own["password"], f"infoscreen/{OWN}/heartbeat")
                    and not d.publish(d.device, own["username"], own["password"], f"infoscreen/{OTHER}/heartbeat")
                    and not d.publish(d.console, "infoscreen-server", d.server, f"infoscreen/{OWN}/heartbeat")):
                raise SystemExit(f"{backend}: killed at {call} {n}: no longer closed, or no longer open to its own")
            d.stop()
            d.run("remove", OTHER, code=None)  # whatever half of it there is
            d.run("add", OTHER)
            if through:
                break
    print(f"{backend}, {'running' if running else 'not running'}: {kills} kills, each left a working, closed broker")
    return kills > 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    base = tempfile.mkdtemp(prefix="infoscreen-broker-")
    os.chmod(base, 0o711)
    os.environ.pop("MQTT_PASSWORD", None)
    ok = check_many(base)
    for backend in ("acl", "dynsec"):
        for running in (False, True):
            ok &= check_killed(base, backend, running)
    shutil.rmtree(base, ignore_errors=True)
    print("1 passed, 0 failed" if ok else "0 passed, 1 failed")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
