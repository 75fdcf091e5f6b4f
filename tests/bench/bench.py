#!/usr/bin/env python3
"""What the console costs, as ratios in one run against programs a user could take instead.

bench.py BUILD [NAME…]     NAMES: cpu memory latency calm startup history commands (default: all)

Everything runs on loopback and ends by itself. CPU is user + system time of all threads by the scheduler's own
clock (/proc/PID/task/*/schedstat, ns). Prints one table; asserts nothing: times are for people to judge.
"""
import calendar
import fcntl
import hashlib
import json
import os
import pty
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
from port import answers, free_port  # noqa: E402

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
PROGRAM = os.path.join(BUILD, "infoscreen-tui")
LOAD = os.path.join(BUILD, "bench", "load")
SWEEP = os.path.join(BUILD, "bench", "sweep")
HISTORY = os.path.join(BUILD, "bench", "history")
ROWS = []


def row(what, value, against, ratio, goal):
    ROWS.append((what, value, against, ratio, goal))
    print(f"  {what}: {value}; {against}; {ratio} (goal {goal})", flush=True)


class Broker:
    """A Mosquitto of our own; queue=None keeps its default limit on queued messages."""

    def __init__(self, queue=None):
        self.dir = tempfile.mkdtemp(prefix="infoscreen-bench-")
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        conf = os.path.join(self.dir, "mosquitto.conf")
        with open(conf, "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            if queue is not None:
                f.write(f"max_queued_messages {queue}\n")
        path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        program = shutil.which("mosquitto", path=path)
        self.process = subprocess.Popen([program, "-c", conf], stderr=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        for _ in range(500):
            if answers(self.port):
                return
            time.sleep(0.01)
        raise SystemExit("the broker doesn't answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Terminal:
    """A program on a pseudo-terminal whose output is read by a thread and stamped."""

    def __init__(self, argv, cols=120, rows=36, keep=False):
        self.bytes = 0
        self.kept = bytearray()
        self.keep = keep
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", TZ="UTC")
            os.execvp(argv[0], argv)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:
                return
            if not data:
                return
            with self.changed:
                self.bytes += len(data)
                if self.keep:
                    self.kept += data
                self.changed.notify_all()

    def wait_for(self, text, seconds, start=0):
        until = time.monotonic() + seconds
        with self.changed:
            while text not in self.kept[start:]:
                left = until - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    return None
        return time.monotonic()

    def end(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            for _ in range(300):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
                time.sleep(0.01)
            else:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS"):
                return int(line.split()[1])
    return 0


def console(broker, *extra, db=None, **kw):
    db = db or os.path.join(broker.dir, "history.db")
    argv = [PROGRAM, "-h", "127.0.0.1", "-p", str(broker.port), "--db", db, *extra]
    return Terminal(argv, **kw)


def started_console(broker, keep=False):
    """A console that is connected, which its presence on the broker says, and whose first screen stands.
    `keep` goes for what it draws from then on."""
    t = console(broker, keep=True)
    subprocess.run(["mosquitto_sub", "-p", str(broker.port), "-t", "infoscreen/console/presence/+", "-C", "1",
                    "-W", "30"], stdout=subprocess.DEVNULL, check=True)
    if not t.wait_for(b"next panel", 30):  # the end of its last line
        raise SystemExit("the console draws no screen")
    with t.changed:
        t.keep = keep
        t.kept.clear()
    return t


def load(broker, rate, clients, seconds, *extra):
    return subprocess.Popen([LOAD, "-p", str(broker.port), "-r", str(rate), "-c", str(clients), "-s",
                             str(seconds), *extra], stdout=subprocess.DEVNULL)


def bench_cpu(rate, runs=3, seconds=13):
    """Once all clients are known, for as long as last-seen times are gathered before they are written."""
    ratios, console_us, sub_us = [], [], []
    for _ in range(runs):
        with Broker() as b:
            sub = subprocess.Popen(["mosquitto_sub", "-p", str(b.port), "-t", "infoscreen/#", "-v"],
                                   stdout=subprocess.DEVNULL)
            t = started_console(b, keep=True)
            fleet = load(b, rate, 10000, seconds + 12)
            if not t.wait_for(b"10000 clients", 12):
                raise SystemExit("the console does not know all clients")
            t.keep = False
            before = cpu_ns(t.pid), cpu_ns(sub.pid), time.monotonic()
            time.sleep(seconds)
            after = cpu_ns(t.pid), cpu_ns(sub.pid), time.monotonic()
            sent = rate * (after[2] - before[2])
            console_us.append((after[0] - before[0]) / sent / 1000)
            sub_us.append((after[1] - before[1]) / sent / 1000)
            ratios.append(console_us[-1] / sub_us[-1])
            fleet.wait()
            sub.terminate()
            sub.wait()
            t.end()
    row(f"CPU per message, {rate}/s, 10,000 clients, 1 ms steps", f"{statistics.median(console_us):.2f} µs",
        f"mosquitto_sub -v {statistics.median(sub_us):.2f} µs",
        f"{statistics.median(ratios):.2f}× (of {runs}: {min(ratios):.2f}–{max(ratios):.2f})", "< 1.0, aim 0.6")


def bench_memory(clients=100000):
    with Broker(queue=0) as b:
        t = started_console(b)
        small = rss_kib(t.pid)
        load(b, 20000, clients, clients * 2.4 / 20000).wait()
        time.sleep(2)
        per_client = (rss_kib(t.pid) - small) * 1024 / clients
        row(f"memory per client, {clients:,} clients", f"{per_client:.0f} B", "resident, all rooms", "–",
            "≤ 1024 B")
        t.end()


def publish(broker, topic, payload):
    subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-t", topic, "-m", payload], check=True)


def bench_latency(n=40):
    """From the start of a publish on an open connection to the bytes on the terminal."""
    import paho.mqtt.client as mqtt
    times = []
    with Broker() as b:
        t = started_console(b, keep=True)
        try:
            c = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1)
        except AttributeError:
            c = mqtt.Client()
        c.connect("127.0.0.1", b.port)
        c.loop_start()
        for i in range(n):
            uuid = f"{i:08x}-0000-4000-8000-000000000000"
            name = f"{hashlib.sha256(bytes([i])).hexdigest()[:9]}"  # shares no cells with the one before: only what differs is sent
            start = len(t.kept)
            began = time.monotonic()
            c.publish(f"infoscreen/{uuid}/heartbeat",
                      json.dumps({"hostname": name, "process_status": "crashed"}))
            seen = t.wait_for(name.encode(), 5, start)
            if seen:
                times.append((seen - began) * 1000)
            time.sleep(0.07 + (i % 7) * 0.013)
        c.loop_stop()
        t.end()
    row("fault on the wire to bytes on the terminal", f"median {statistics.median(times):.0f} ms",
        f"95th percentile {sorted(times)[int(len(times) * .95)]:.0f} ms, {len(times)} of {n} seen", "–",
        "median < 100 ms")


def bench_calm(seconds=60):
    with Broker() as b:
        t = started_console(b)
        load(b, 2000, 1000, 3).wait()  # every client was heard: what follows is a calm fleet
        fleet = load(b, 17, 1000, seconds + 20)
        time.sleep(6)
        htop = Terminal(["htop"]) if shutil.which("htop") else None
        time.sleep(2)
        before = t.bytes, htop.bytes if htop else 0
        time.sleep(seconds)
        ours = (t.bytes - before[0]) * 60 / seconds
        theirs = (htop.bytes - before[1]) * 60 / seconds if htop else None
        if htop:
            htop.end()
        t.end()
        fleet.terminate()
        fleet.wait()
    row("terminal bytes in a calm minute, 1,000 clients, 120×36", f"{ours:.0f} B",
        f"htop {theirs:.0f} B" if theirs else "htop isn't installed", f"{ours / theirs:.2f}×" if theirs else "–",
        "≤ 0.25")


def bench_startup(clients=10000, runs=3):
    ratios, ours, theirs = [], [], []
    for _ in range(runs):
        with Broker(queue=0) as b:
            load(b, 1, 1, 1, "--retained-groups", str(clients)).wait()
            began = time.monotonic()
            subprocess.run(["mosquitto_sub", "-p", str(b.port), "-t", "infoscreen/+/group_id", "-C", str(clients)],
                           stdout=subprocess.DEVNULL, check=True)
            theirs.append(time.monotonic() - began)
            began = time.monotonic()
            t = console(b, keep=True)
            seen = t.wait_for(f"{clients}".encode(), 30)
            ours.append((seen or time.monotonic()) - began)
            ratios.append(ours[-1] / theirs[-1])
            t.end()
    row(f"start-up, {clients:,} clients with retained groups", f"{statistics.median(ours):.2f} s",
        f"mosquitto_sub {statistics.median(theirs):.2f} s", f"{statistics.median(ratios):.2f}×", "≤ 2")


def bench_history():
    rows = os.environ.get("BENCH_EVENTS", "2000000")
    out = subprocess.run([HISTORY, rows], capture_output=True, text=True)
    print(out.stdout, end="")
    if out.returncode:
        print(out.stderr, end="")


class Devices:
    """Many devices on one connection: each command is acknowledged in full at once. When did it come?"""

    def __init__(self, broker):
        import paho.mqtt.client as mqtt
        try:
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, "devices")
        except AttributeError:
            self.client = mqtt.Client("devices")
        self.heard, subscribed = {}, threading.Event()
        self.client.max_inflight_messages_set(1000)
        self.client.on_message = self.on_message
        self.client.on_subscribe = lambda *a: subscribed.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.client.subscribe("infoscreen/+/commands", 1)
        subscribed.wait(10)

    def on_message(self, client, user, message):
        now, command = time.time(), json.loads(message.payload)["command_id"]
        if command in self.heard:
            return
        self.heard[command] = now
        for status in ("accepted", "execution_started", "completed"):
            client.publish(message.topic + "/ack", json.dumps({"command_id": command, "status": status}), qos=1)


def command_times(db, devices, since):
    """From the step of the core that took the order to the device's callback, ms, for each command."""
    out = subprocess.run([PROGRAM, "--db", db, "history", "--kind", "command_queued", "--limit", "100000", "-o", "json"],
                         capture_output=True, text=True, check=True).stdout
    times = []
    for e in json.loads(out)["events"]:
        queued = calendar.timegm(time.strptime(e["at"][:19], "%Y-%m-%dT%H:%M:%S")) + int(e["at"][20:23]) / 1000
        if e["command_id"] in devices.heard and queued >= since:
            times.append((devices.heard[e["command_id"]] - queued) * 1000)
    return sorted(times)


def in_words(times):
    return f"median {statistics.median(times):.0f} ms", f"99th percentile {times[int(len(times) * .99)]:.0f} ms, {len(times)} of them"


def bench_commands(rounds=10, clients=1000, singles=40):
    """Rollouts to all clients, then single commands; a recorder beside, as in operation."""
    with Broker(queue=0) as b:
        db = os.path.join(b.dir, "history.db")
        at = ["-h", "127.0.0.1", "-p", str(b.port), "--db", db]
        recorder = subprocess.Popen([PROGRAM, "record", *at], stderr=subprocess.DEVNULL)
        devices = Devices(b)
        uuids = [f"{k:08x}-0000-4000-8000-000000000000" for k in range(clients)]
        send = [PROGRAM, "send", "restart_app", "--unknown", "--yes", "--override-lockout", "--reason", "bench", "-o", "json", *at]
        done, began, spent = 0, time.time(), 0
        for _ in range(rounds):
            start = time.monotonic()
            out = subprocess.run([*send, "--wait", *uuids], capture_output=True, text=True).stdout
            spent += time.monotonic() - start
            done += sum(c["status"] == "completed" for c in json.loads(out)["commands"])
        row(f"{rounds * clients:,} commands to {clients:,} clients, to their ends", f"{done / spent:,.0f}/s",
            f"{done:,} completed", "–", "all")
        time.sleep(1)
        first, second = in_words(command_times(db, devices, began))
        row("… from the order to the device, all at once", first, second, "–", "–")
        began = time.time()
        for k in range(singles):
            subprocess.run([*send, uuids[k]], capture_output=True)
        time.sleep(1)
        first, second = in_words(command_times(db, devices, began))
        row("… from the order to the device, one by one", first, second, "–", "–")
        recorder.terminate()
        recorder.wait()
        devices.client.loop_stop()


def bench_acks(n=100):
    """From the publish of a device's last word to its error message on the terminal."""
    times = []
    with Broker() as b:
        t = started_console(b, keep=True)
        devices = Devices(b)
        os.write(t.fd, b"4")
        for i in range(n):
            uuid, name = f"{i:08x}-0000-4000-8000-000000000000", hashlib.sha256(bytes([i])).hexdigest()[:9]
            command = f"{i:08x}-0000-4000-8000-0000000000cc"
            start = len(t.kept)
            began = time.monotonic()
            devices.client.publish(f"infoscreen/{uuid}/commands/ack", json.dumps(
                {"command_id": command, "status": "failed", "error_code": name, "error_message": name}), qos=1)
            seen = t.wait_for(name.encode(), 5, start)
            if seen:
                times.append((seen - began) * 1000)
            time.sleep(0.07 + (i % 7) * 0.013)
        devices.client.loop_stop()
        t.end()
    first, second = in_words(sorted(times))
    row("an acknowledgement on the wire to bytes on the terminal", first, second, "–", "median < 100 ms")


def bench_sweep():
    out = subprocess.run([SWEEP, os.environ.get("BENCH_COMMANDS", "1000000")], capture_output=True, text=True)
    words = out.stdout.split()
    row(f"what is overdue among {int(words[1]):,} stored commands", f"median {words[3]} ms", f"slowest {words[5]} ms", "–", "< 1 ms")


BENCHES = {
    "cpu": lambda: (bench_cpu(5000), bench_cpu(20000, runs=2, seconds=6)),
    "memory": bench_memory,
    "latency": bench_latency,
    "calm": bench_calm,
    "startup": bench_startup,
    "history": bench_history,
    "commands": lambda: (bench_commands(), bench_acks(), bench_sweep()),
}


def main():
    for name in sys.argv[2:] or BENCHES:
        print(f"{name}:", flush=True)
        BENCHES[name]()
    print()
    print("| what | the console | against | ratio | goal |")
    print("|---|---|---|---|---|")
    for r in ROWS:
        print("| " + " | ".join(r) + " |")


if __name__ == "__main__":
    main()
