#!/usr/bin/python3
"""Who is silent, and why, over a real broker: it is frozen, a group is cut off, a device is switched off; each has one line.

Run by tests/run.sh like check_cli.py, whose rig it uses. CLIENTS=1000 adds the demo's fleet of that size, with its times.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from datetime import datetime

from check_cli import PROGRAM, Rig, eventually

CLIENTS = int(os.environ.get("CLIENTS", "0"))
PERIOD = 0.5  # of the small fleet
FLEET = 12


def uuid_of(n):
    return f"{n:08x}-0000-4000-8000-000000000000"


def when(iso):
    return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


def ask(db, *args):
    r = subprocess.run([PROGRAM, *args, "--db", db, "-o", "json"], capture_output=True, text=True, timeout=60)
    return json.loads(r.stdout) if r.returncode == 0 else {}


def active(db, *args):
    """What an operator would see that still holds."""
    return [a for a in ask(db, "alarms", *args).get("alarms", []) if a["cleared_at"] is None]


class Beating(threading.Thread):
    """A fleet that speaks every PERIOD, but for the clients in `quiet`."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig, self.quiet, self.ended, self.turns = rig, set(), threading.Event(), 0

    def run(self):
        while not self.ended.wait(PERIOD / FLEET):
            n = self.turns % FLEET
            self.turns += 1
            if n not in self.quiet:
                self.rig.device.publish(f"infoscreen/{uuid_of(n)}/heartbeat", json.dumps({"hostname": f"screen-{n}"}))


class Small(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        self.fleet = Beating(self.rig)
        for n in range(FLEET):
            self.rig.publish(f"infoscreen/{uuid_of(n)}/group_id", f"floor-{n % 3}", retain=True)
        self.recorder = self.rig.record("--set", "fleet.heartbeat_timeout=60s")
        self.fleet.start()
        self.addCleanup(self.fleet.join)
        self.addCleanup(self.fleet.ended.set)
        self.assertEqual(eventually(self.online, lambda n: n == FLEET, 30), FLEET, self.rig.log())
        known = self.fleet.turns + 10 * FLEET  # a rhythm is one after eight intervals
        self.assertGreaterEqual(eventually(lambda: self.fleet.turns, lambda n: n >= known, 60), known)

    def online(self):
        return sum(c["state"] == "online" for c in ask(self.rig.db, "clients").get("clients", []))

    def the_only(self, kind, seconds=30):
        seen = eventually(lambda: active(self.rig.db), lambda all: [a["kind"] for a in all] == [kind], seconds)
        self.assertEqual([a["kind"] for a in seen], [kind], self.rig.log())
        return seen[0]

    def nothing(self, seconds=30):
        self.assertEqual(eventually(lambda: active(self.rig.db), lambda all: not all, seconds), [])

    def test_frozen_thawed_and_dead(self):
        self.assertEqual(active(self.rig.db), [])
        self.rig.broker.send_signal(signal.SIGSTOP)
        self.addCleanup(self.rig.broker.send_signal, signal.SIGCONT)
        frozen = time.time()
        outage = self.the_only("broker_outage")
        self.assertLess(when(outage["raised_at"]) - frozen, 10)
        self.assertTrue(ask(self.rig.db, "clients")["broker"]["outage"])
        unreachable = self.the_only("broker_unreachable", 60)
        hidden = [a for a in active(self.rig.db, "--all") if a["kind"] == "broker_outage"]
        self.assertEqual([(a["state"], a["suppressed_by"]) for a in hidden], [("suppressed", unreachable["id"])])
        self.rig.broker.send_signal(signal.SIGCONT)
        self.nothing(60)
        self.assertFalse(eventually(lambda: ask(self.rig.db, "clients")["broker"]["outage"], lambda out: not out, 30))
        raised = [e["alarm_id"].split("-")[0] for e in ask(self.rig.db, "history", "--kind", "alarm_raised")["events"]]
        self.assertEqual(sorted(raised), ["broker_outage", "broker_unreachable"])

    def test_a_group_and_a_stopped_console(self):
        self.fleet.quiet = {n for n in range(FLEET) if n % 3 == 1}
        group = self.the_only("group_outage")
        self.assertEqual(group["group_id"], "floor-1")
        self.fleet.quiet = set()
        self.nothing()
        self.recorder.send_signal(signal.SIGSTOP)
        time.sleep(6)  # longer than any hush that would be proof
        self.recorder.send_signal(signal.SIGCONT)
        at = when(ask(self.rig.db, "clients")["as_of"])
        eventually(lambda: when(ask(self.rig.db, "clients")["as_of"]), lambda now: now > at + 5, 30)
        raised = ask(self.rig.db, "history", "--kind", "alarm_raised")["events"]
        self.assertEqual([e["alarm_id"] for e in raised], [group["id"]])


SCRIPT = """at 40s power-off gate-7
at 80s cut-group vienna-2 for 40s
"""


@unittest.skipUnless(CLIENTS, "only with CLIENTS")
class Demo(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="infoscreen-outage-")
        os.chmod(self.dir, 0o711)
        self.addCleanup(shutil.rmtree, self.dir, True)
        script = os.path.join(self.dir, "script")
        with open(script, "w") as f:
            f.write(SCRIPT)
        self.demo = subprocess.Popen([PROGRAM, "demo", "--clients", str(CLIENTS), "--script", script, "--headless", "15m"],
                                     env={**os.environ, "TMPDIR": self.dir}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.demo.wait)
        self.addCleanup(self.demo.terminate)
        self.db = eventually(self.find_db, bool, 60)
        self.assertTrue(self.db)

    def find_db(self):
        for name in os.listdir(self.dir):
            db = os.path.join(self.dir, name, "history.db")
            if os.path.exists(db):
                return db
        return None

    def broker_pid(self):
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
                parents[int(pid)] = (name, int(rest.split()[1]))
            except OSError:
                continue
        for pid, (name, parent) in parents.items():
            while name == "mosquitto" and parent in parents:
                if parent == self.demo.pid:
                    return pid
                parent = parents[parent][1]
        raise AssertionError("no broker")

    def the_only(self, kind, seconds):
        seen = eventually(lambda: active(self.db), lambda all: [a["kind"] for a in all] == [kind], seconds)
        self.assertEqual([a["kind"] for a in seen], [kind])
        return seen[0]

    def last_heard(self, right):
        times = [c["last_heartbeat_at"] for c in ask(self.db, "clients")["clients"] if right(c)]
        return max(when(t) for t in times)

    def test_one_line_each(self):
        states = lambda: [c["state"] for c in ask(self.db, "clients").get("clients", [])]
        self.assertEqual(eventually(states, lambda s: s.count("online") == CLIENTS, 120).count("online"), CLIENTS)
        single = self.the_only("client_silent", 120)
        heard = self.last_heard(lambda c: c["uuid"] == single["client_uuid"])
        print(f"one device: {when(single['raised_at']) - heard:.1f} s after its last word (its time-out is 30 s)")
        both = eventually(lambda: active(self.db), lambda all: len(all) > 1, 120)
        self.assertEqual(sorted(a["kind"] for a in both), ["client_silent", "group_outage"])
        group = next(a for a in both if a["kind"] == "group_outage")
        others = lambda: self.last_heard(lambda c: c["group_id"] != group["group_id"])
        # The times of the last words are written now and then: what others said since then shows that they were.
        self.assertGreater(eventually(others, lambda at: at > when(group["raised_at"]), 60), when(group["raised_at"]))
        heard = self.last_heard(lambda c: c["group_id"] == group["group_id"])
        print(f"a group, {group['group_id']}: {when(group['raised_at']) - heard:.1f} s after its last word: {group['summary']}")
        back = eventually(lambda: active(self.db), lambda all: len(all) == 1, 90)
        self.assertEqual([a["kind"] for a in back], ["client_silent"])
        pid = self.broker_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            frozen = time.time()
            seen = eventually(lambda: active(self.db), lambda all: len(all) > 1, 60)
            self.assertEqual(sorted(a["kind"] for a in seen), ["broker_outage", "client_silent"])
            outage = next(a for a in seen if a["kind"] == "broker_outage")
            print(f"everything: {when(outage['raised_at']) - frozen:.1f} s after the broker froze")
            self.assertLess(when(outage["raised_at"]) - frozen, 10)
            wide = ["broker_unreachable", "client_silent"]
            lines = set()

            def look():
                kinds = tuple(sorted(a["kind"] for a in active(self.db)))
                lines.add(len(kinds))
                return list(kinds)
            self.assertEqual(eventually(look, lambda k: k == wide, 60), wide)
            print(f"our own link: known dead after {time.time() - frozen:.1f} s")
            until = time.time() + 40  # longer than any client's time-out
            while time.time() < until:
                look()
            self.assertEqual(lines, {2})
        finally:
            os.kill(pid, signal.SIGCONT)
        thawed = time.time()
        calm = eventually(lambda: [a["kind"] for a in active(self.db, "--all")], lambda k: k == ["client_silent"], 90)
        self.assertEqual(calm, ["client_silent"])
        print(f"over: {time.time() - thawed:.1f} s after it went on")
        raised = [e["alarm_id"].split("-")[0] for e in ask(self.db, "history", "--kind", "alarm_raised")["events"]]
        self.assertEqual(sorted(raised), ["broker_outage", "broker_unreachable", "client_silent", "group_outage"])


if __name__ == "__main__":
    unittest.main()
