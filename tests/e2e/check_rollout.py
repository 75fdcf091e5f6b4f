#!/usr/bin/python3
"""Rollouts with the real program: at their pace, to their end, whoever dies in between.

Run by tests/run.sh like check_send.py, whose devices it uses; every one answers after a moment, so that the pace can be seen.
"""
import json
import os
import pty
import select
import signal
import subprocess
import threading
import time
import unittest

from check_cli import PROGRAM, Rig, eventually
from check_send import Device

MEMBERS = 6
MOMENT = 0.3


def uuid_of(k):
    return f"{k:08x}-1111-4111-8111-111111111111"


class SlowDevice(Device):
    """Begins at once, ends a moment later; counts what is carried out, and how many are at it at the same time.
    What was carried out is remembered over a device's restarts, as real ones do: the alias may come after one."""
    lock, busy, most, done = threading.Lock(), 0, 0, set()

    def __init__(self, rig, uuid, end="completed"):
        self.end, self.executed = end, []
        super().__init__(rig, uuid, [])

    def say(self, command, status):
        self.client.publish(f"infoscreen/{self.uuid}/commands/ack", json.dumps({"command_id": command, "status": status}), qos=1)

    def finish(self, command):
        with SlowDevice.lock:
            SlowDevice.busy -= 1
        self.say(command, self.end)

    def on_message(self, client, user, message):
        command = json.loads(message.payload)["command_id"]
        with SlowDevice.lock:
            if command in SlowDevice.done:
                return
            SlowDevice.done.add(command)
            self.executed.append(command)
            SlowDevice.busy += 1
            SlowDevice.most = max(SlowDevice.most, SlowDevice.busy)
        self.say(command, "execution_started")
        threading.Timer(MOMENT, self.finish, [command]).start()


class Rollout(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        SlowDevice.busy = SlowDevice.most = 0
        self.devices = []

    def fleet(self, ends={}):
        self.devices = [SlowDevice(self.rig, uuid_of(k), ends.get(k, "completed")) for k in range(MEMBERS)]
        for d in self.devices:
            self.addCleanup(d.stop)

    def record(self):
        p = self.rig.record()
        self.assertTrue(eventually(lambda: "connected" in self.rig.log(), bool, 20))
        return p

    def args(self, *args):
        return [PROGRAM, "send", "restart_app", *map(uuid_of, range(MEMBERS)), "--unknown", "--yes", "-h", "127.0.0.1", "-p",
                str(self.rig.port), "--db", self.rig.db, "--operator", "anna", "-o", "json", *args]

    def begin(self, *args):
        p = subprocess.Popen(self.args(*args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.rig.children.append(p)
        return p

    def begun(self, n):
        self.assertTrue(eventually(lambda: sum(len(d.executed) for d in self.devices) >= n, bool, 20))

    def end(self, p, code):
        out, err = p.communicate(timeout=60)
        self.assertEqual(p.returncode, code, err)
        return json.loads(out)["commands"] if out else err

    def ends(self):
        found = {c["client_uuid"]: c for c in self.rig.json("commands")["commands"]}
        return [found.get(uuid_of(k), {"status": "-"})["status"] for k in range(MEMBERS)]

    def wait_for(self, ends):
        self.assertEqual(eventually(self.ends, lambda e: e == ends, 30), ends, self.rig.log())

    def executed(self):
        return [len(d.executed) for d in self.devices]

    def rollout_id(self):
        return next(c["rollout_id"] for c in self.rig.json("commands")["commands"] if c["rollout_id"])

    def test_killed_and_the_recorder_goes_on(self):
        recorder = self.record()
        self.fleet()
        p = self.begin("--parallel", "2", "--wait")
        self.begun(2)
        p.kill()
        p.wait()
        self.begun(4)
        recorder.kill()
        recorder.wait()
        self.record()
        self.wait_for(["completed"] * MEMBERS)
        self.assertEqual(self.executed(), [1] * MEMBERS)
        self.assertLessEqual(SlowDevice.most, 2)
        issued = [c["issued_at"] for c in self.rig.json("commands", self.rollout_id())["commands"]]
        self.assertEqual(issued, sorted(issued))
        self.assertGreater(issued[-1], issued[0])
        notes = [e for e in self.rig.json("history", "--kind", "note")["events"]]
        self.assertTrue(any("6" in e["summary"] for e in notes), notes)

    def test_killed_and_the_failures_are_counted_on(self):
        self.record()
        self.fleet({0: "failed", 3: "failed"})
        p = self.begin("--parallel", "1", "--max-failures", "2")
        self.begun(2)
        p.kill()
        p.wait()
        self.wait_for(["failed", "completed", "completed", "failed", "cancelled", "cancelled"])
        self.assertEqual(self.executed(), [1, 1, 1, 1, 0, 0])
        self.assertEqual(SlowDevice.most, 1)

    def test_killed_before_the_canary_came_through(self):
        self.record()
        self.fleet({0: "failed"})
        p = self.begin("--canary", "1")
        self.begun(1)
        p.kill()
        p.wait()
        self.wait_for(["failed"] + ["cancelled"] * (MEMBERS - 1))
        self.assertEqual(self.executed(), [1] + [0] * (MEMBERS - 1))

    def test_cancelled_by_another(self):
        for recorder in (False, True):
            with self.subTest(recorder=recorder):
                if recorder:
                    self.record()
                self.fleet()
                p = self.begin("--parallel", "1", "--wait", "--override-lockout", "--reason", "test")
                self.begun(2)
                running = next(c for c in self.rig.json("commands", "--active")["commands"])
                r = self.rig.run("commands", "cancel", running["rollout_id"], "-o", "json")
                self.assertEqual(r.returncode, 0, r.stderr)
                self.assertEqual(len(json.loads(r.stdout)["commands"]), MEMBERS)
                ends = [c["status"] for c in self.end(p, 1)]
                self.assertEqual(sorted(set(ends)), ["cancelled", "completed"])
                self.assertEqual(ends, sorted(ends, reverse=True))
                self.assertLess(sum(self.executed()), MEMBERS)
                for d in self.devices:
                    d.stop()
        r = self.rig.run("commands", "cancel", running["rollout_id"])
        self.assertEqual(r.returncode, 1, r.stderr)

    def test_interrupted_in_a_pipe(self):
        self.fleet()
        p = self.begin("--parallel", "1", "--wait")
        self.begun(2)
        p.send_signal(signal.SIGINT)
        ends = [c["status"] for c in self.end(p, 1)]
        self.assertEqual(ends[-1], "cancelled") # nobody would go on with it
        for d in self.devices:
            d.stop()
        self.record()
        self.fleet()
        p = self.begin("--parallel", "1", "--wait")
        self.begun(2)
        p.send_signal(signal.SIGINT)
        p.wait(20)
        self.begun(MEMBERS)
        self.assertEqual(self.executed(), [1] * MEMBERS)

    def on_terminal(self, keys):
        """Presses ^C during a rollout, then the keys; what was written, and the exit code."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, self.args("--parallel", "1", "--wait", "-o", "table"))
        seen, pressed, until = "", False, time.monotonic() + 60
        while time.monotonic() < until:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    seen += os.read(fd, 65536).decode(errors="replace")
                except OSError:
                    break
            if not pressed and sum(self.executed()) >= 1:
                pressed = True
                os.write(fd, b"\x03")
            if pressed and keys and "Stop the rest" in seen:
                os.write(fd, keys)
                keys = b""
        else:
            os.kill(pid, signal.SIGKILL)
        return seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_interrupted_on_a_terminal(self):
        self.record()
        for keys, code, stops in ((b"s\n", 1, True), (b"\x03", 1, False), (b"\n", 0, False)):
            with self.subTest(keys=keys):
                self.fleet()
                seen, got = self.on_terminal(keys)
                self.assertEqual(got, code, seen)
                self.assertRegex(seen, r"[0-6]/6  ")
                if not stops:
                    self.begun(MEMBERS)
                    self.assertEqual(self.executed(), [1] * MEMBERS)
                else:
                    self.assertIn("cancelled", seen)
                    self.assertLess(sum(self.executed()), MEMBERS)
                for d in self.devices:
                    d.stop()

    def test_no_broker(self):
        self.record()
        self.rig.broker.terminate()
        self.rig.broker.wait()
        found = self.end(self.begin(), 3)
        self.assertEqual([c["status"] for c in found], ["queued"] * MEMBERS)
        self.assertIsNone(found[0]["issued_at"]) # its time runs from its release
        self.rig.start_broker()
        self.fleet()
        self.wait_for(["completed"] * MEMBERS)
        self.assertEqual(self.executed(), [1] * MEMBERS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
