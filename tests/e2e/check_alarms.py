#!/usr/bin/python3
"""Alarms over real processes: telling people, acknowledging together over a bad line, clearing never more than was seen, and a
recorder that is killed in the middle of a bad night.

Run by tests/run.sh like check_cli.py, whose rig it uses. ROUNDS makes the random ones longer.
"""
import json
import os
import pty
import random
import signal
import subprocess
import threading
import time
import unittest

from check_cli import ALARM_KEYS, KITCHEN, LOBBY, PROGRAM, Rig, eventually
from proxy import Proxy

ROUNDS = int(os.environ.get("ROUNDS", "1"))
SEED = int(os.environ.get("SEED", "11"))
UNIT = "infoscreen-simclient.service"

# Writes down what it was given, one line of JSON, in one write.
PAGER = """#!/usr/bin/python3
import json, os, sys
given = {"alarm": json.load(sys.stdin), "argv": sys.argv[2:], "fds": sorted(os.listdir("/proc/self/fd"))}
given["env"] = {k: v for k, v in os.environ.items() if k.startswith("INFOSCREEN_") or k.startswith("MQTT_PASS")}
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
os.write(fd, (json.dumps(given) + "\\n").encode())
"""


def uuid_of(n):
    return f"{n:08x}-0000-4000-8000-000000000000"


def failed_payload(at, client=LOBBY):
    return json.dumps({"event": "service_failed", "unit": UNIT, "client_uuid": client, "failed_at": at})


class Base(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)
        open(os.path.join(self.rig.dir, "record.log"), "w").close()

    def recorder(self, db, port, *extra):
        with open(os.path.join(self.rig.dir, "record.log"), "a") as log:
            p = subprocess.Popen([PROGRAM, "record", "-h", "127.0.0.1", "-p", str(port), "--db", db, *extra], stderr=log)
        self.rig.children.append(p)
        return p

    def alarms_of(self, db, *args):
        r = subprocess.run([PROGRAM, "alarms", "--db", db, "-o", "json", *args], capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)
        return json.loads(r.stdout)["alarms"]

    def alarms(self, *args):
        return self.alarms_of(self.rig.db, *args)

    def standing(self, kind, uuid, right=bool, db=None, seconds=30):
        def one():
            found = [a for a in self.alarms_of(db or self.rig.db, "--all") if a["kind"] == kind and a["client_uuid"] == uuid]
            return found[0] if found else {}
        answer = eventually(one, lambda a: a and right(a), seconds)
        self.assertTrue(answer and right(answer), (answer, self.rig.log()))
        return answer

    def recording(self, *extra):
        p = self.rig.record(*extra)

        def up():
            self.rig.heartbeat(KITCHEN, hostname="kitchen-1", process_status="running")
            return any(c["uuid"] == KITCHEN for c in self.rig.json("clients")["clients"])
        self.assertTrue(eventually(up, bool, 30), self.rig.log())
        return p

    def crash(self, uuid, name):
        self.rig.heartbeat(uuid, hostname=name, process_status="crashed")


class Notify(Base):
    def setUp(self):
        super().setUp()
        self.pager = os.path.join(self.rig.dir, "my pager")
        self.log = os.path.join(self.rig.dir, "pages")
        with open(self.pager, "w") as f:
            f.write(PAGER)
        os.chmod(self.pager, 0o755)

    def pages(self):
        try:
            with open(self.log) as f:
                return [json.loads(line) for line in f]
        except FileNotFoundError:
            return []

    def command(self):
        return f'notify.command="{self.pager}" {self.log} --to "on call"'

    def test_each_alarm_once(self):
        os.environ["MQTT_PASSWORD"] = "secret"
        self.addCleanup(os.environ.pop, "MQTT_PASSWORD")
        guided = os.path.join(self.rig.dir, "config.ini")
        with open(guided, "w") as f:
            f.write("[guidance]\nprocess_crashed = call the janitor\n")
        extra = ("--set", self.command(), "--config", guided, "-u", "infoscreen-server")
        self.recording(*extra)
        self.rig.record(*extra)  # another one on this database
        self.crash(LOBBY, "lobby-03")
        pages = eventually(self.pages, bool, 30)
        self.standing("process_crashed", LOBBY)
        self.assertEqual(len(pages), 1, self.rig.log())
        page = pages[0]
        self.assertEqual(set(page["alarm"]), ALARM_KEYS)
        self.assertEqual(page["alarm"]["client_uuid"], LOBBY)
        self.assertEqual(page["argv"], ["--to", "on call"])
        self.assertLessEqual(set(page["fds"]), {"0", "1", "2", "3"})  # 3: the listing itself
        env = page["env"]
        self.assertNotIn("MQTT_PASSWORD", env)
        self.assertEqual((env["INFOSCREEN_ALARM_KIND"], env["INFOSCREEN_ALARM_PRIORITY"], env["INFOSCREEN_ALARM_NAME"]),
                         ("process_crashed", "high", "lobby-03"))
        self.assertEqual((env["INFOSCREEN_ALARM_ID"], env["INFOSCREEN_ESCALATION"], env["INFOSCREEN_ALARM_GUIDANCE"]),
                         (page["alarm"]["id"], "0", "call the janitor"))
        self.assertIn("crashed", env["INFOSCREEN_ALARM_SUMMARY"])

    def test_again_when_nobody_acknowledged(self):
        self.recording("--set", self.command(), "--set", "notify.escalate_after=1s")
        self.crash(LOBBY, "lobby-03")
        pages = eventually(self.pages, lambda p: len(p) >= 3, 30)
        self.assertEqual([p["env"]["INFOSCREEN_ESCALATION"] for p in pages[:3]], ["0", "1", "2"])
        self.assertEqual(self.rig.run("ack", LOBBY).returncode, 0)

    def test_a_command_that_fails(self):
        with open(self.pager, "w") as f:
            f.write("#!/bin/sh\necho 'no modem' >&2\nexit 3\n")
        self.recording("--set", self.command())
        self.crash(LOBBY, "lobby-03")
        self.assertTrue(eventually(lambda: "notify.command: exit code 3: no modem" in self.rig.log(), bool, 30), self.rig.log())

    def test_one_that_hangs_is_ended_with_all_it_started(self):
        with open(self.pager, "w") as f:
            f.write("#!/bin/sh\nsleep 4711 &\necho $! >\"$1\"\nwait\n")
        self.recording("--set", self.command(), "--set", "notify.timeout=1s")
        self.crash(LOBBY, "lobby-03")
        self.assertTrue(eventually(lambda: "took too long" in self.rig.log(), bool, 30), self.rig.log())
        with open(self.log) as f:
            child = int(f.read())
        self.assertTrue(eventually(lambda: not self.runs(child), bool, 30))
        self.crash(KITCHEN, "kitchen-1")  # and the recorder goes on
        self.standing("process_crashed", KITCHEN)

    @staticmethod
    def runs(pid):
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().split()[2] != "Z"
        except FileNotFoundError:
            return False

    def test_at_a_rate_and_the_most_urgent_first(self):
        self.recording("--set", self.command(), "--set", "notify.max_per_minute=2")
        for i in range(4):
            self.crash(uuid_of(i), f"screen-{i}")
        self.assertTrue(eventually(lambda: len(self.pages()) >= 2, bool, 30), self.rig.log())
        for i in range(4):
            self.standing("process_crashed", uuid_of(i))
        self.assertLessEqual(len(self.pages()), 3)

    def test_one_that_does_not_exist(self):
        self.recording("--set", "notify.command=/no/such/pager")
        self.crash(LOBBY, "lobby-03")
        self.assertTrue(eventually(lambda: "notify.command: No such file" in self.rig.log(), bool, 30), self.rig.log())


class Terminal(Base):
    def test_bell_and_notification(self):
        console = Console(self.rig, self.rig.db, self.rig.port, "anna", "--set", "notify.terminal=osc777", "--set",
                          "notify.quiet_hours=low=00:00-00:00", "--set", "alarms.priority.process_crashed=group:vienna-1=low")
        self.addCleanup(console.stop)
        self.rig.publish(f"infoscreen/{KITCHEN}/group_id", "vienna-1", retain=True)
        self.rig.heartbeat(KITCHEN, hostname="kitchen-1", process_status="running")
        self.assertTrue(eventually(lambda: b"vienna-1" in console.seen, bool, 30), console.seen[-2000:])
        self.crash(KITCHEN, "kitchen-1")  # low, and always quiet
        self.standing("process_crashed", KITCHEN)
        self.crash(LOBBY, "lobby-03")
        told = b"\033]777;notify;infoscreen;infoscreen: CRASHED lobby-03: lobby-03 crashed\a"
        self.assertTrue(eventually(lambda: told in console.seen, bool, 30), console.seen[-2000:])
        self.assertEqual(console.seen.count(b"\033]777;notify"), 1)


class Console:
    """The real console on a terminal that nobody looks at."""

    def __init__(self, rig, db, port, operator, *extra):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(PROGRAM, [PROGRAM, "-h", "127.0.0.1", "-p", str(port), "--db", db, "--operator", operator, *extra])
        self.seen = b""
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while chunk := os.read(self.fd, 65536):
                self.seen += chunk
        except OSError:
            pass

    def press(self, keys):
        os.write(self.fd, keys)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Together(Base):
    def two(self):
        self.lossy = Proxy(self.rig.port, SEED)
        self.addCleanup(self.lossy.stop)
        self.db = [os.path.join(self.rig.dir, "vienna.db"), os.path.join(self.rig.dir, "graz.db")]
        self.consoles = [Console(self.rig, self.db[0], self.lossy.port, "anna"), Console(self.rig, self.db[1], self.rig.port, "bert")]
        for c in self.consoles:
            self.addCleanup(c.stop)
            c.press(b"3")  # each alarm for itself: many rounds are a flood, which the overview folds into groups
        self.crash(LOBBY, "lobby-03")

    def see(self, db):
        def again():
            self.crash(LOBBY, "lobby-03")
            return [a for a in self.alarms_of(db) if a["kind"] == "process_crashed"]
        self.assertTrue(eventually(again, bool, 30))

    def recover(self, db):
        def again():
            self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running")
            return self.standing("process_crashed", LOBBY, db=db)["state"]
        self.assertEqual(eventually(again, lambda s: s == "normal", 90), "normal")  # a console tries again after up to 30 s

    def end_alike(self):
        def both():
            return [self.standing("process_crashed", LOBBY, db=db) for db in self.db]

        def alike(pair):
            return all(pair[0][k] == pair[1][k] for k in ("state", "acknowledged_by", "acknowledged_at", "note", "shelved_until"))
        pair = eventually(both, lambda p: alike(p) and p[0]["acknowledged_by"], 60)
        self.assertTrue(alike(pair), pair)
        kept = eventually(lambda: [json.loads(m) for m in self.rig.retained(f"infoscreen/console/ack/{pair[0]['id']}")],
                          lambda m: m and m[0]["acknowledged_by"] == pair[0]["acknowledged_by"], 30)
        self.assertEqual([m["acknowledged_by"] for m in kept], [pair[0]["acknowledged_by"]])
        return pair[0]

    def test_both_at_once_over_a_bad_line(self):
        dice = random.Random(SEED)
        self.two()
        for db in self.db:
            self.see(db)
        for _ in range(ROUNDS):
            self.lossy.delay = 0.05
            self.consoles[0].press(b"a")
            if dice.random() < 0.5:
                self.lossy.cut()
            self.consoles[1].press(b"a")
            for _ in range(2 + ROUNDS):
                time.sleep(dice.uniform(0.01, 0.2))  # the line's own moods, nothing that is waited for
                self.lossy.cut()
            self.lossy.delay = 0
            said = self.end_alike()
            self.assertGreaterEqual(said["acknowledged_at"], said["raised_at"])  # not the one before
            for db in self.db:
                self.recover(db)
            for db in self.db:
                self.see(db)
                self.standing("process_crashed", LOBBY, lambda a: a["state"] == "unacknowledged", db=db)

    def test_one_that_starts_later_sees_who(self):
        self.recording()
        self.crash(LOBBY, "lobby-03")
        self.standing("process_crashed", LOBBY)
        self.assertEqual(self.rig.run("ack", LOBBY, "--note", "on my way").returncode, 0)
        later = os.path.join(self.rig.dir, "later.db")
        self.recorder(later, self.rig.port)

        def again():
            self.crash(LOBBY, "lobby-03")
            return [a for a in self.alarms_of(later) if a["state"] == "acknowledged"]
        found = eventually(again, bool, 30)
        self.assertEqual([(a["acknowledged_by"], a["note"]) for a in found], [("anna", "on my way")])


class ServiceFailed(Base):
    def setUp(self):
        super().setUp()
        self.proxy = Proxy(self.rig.port)
        self.addCleanup(self.proxy.stop)
        self.topic = f"infoscreen/{LOBBY}/service_failed"
        self.newer = failed_payload("2026-04-05T08:05:00Z")

    def race(self, acknowledge):
        """The clear is held on its way until a newer failure is there, then let go: it takes that one away."""
        self.rig.publish(self.topic, failed_payload("2026-04-05T08:00:00Z"), retain=True)
        self.standing("service_failed", LOBBY)
        self.proxy.hold_at = self.topic.encode()
        acknowledge()
        self.assertTrue(self.proxy.held.wait(30), self.rig.log())
        self.rig.publish(self.topic, self.newer, retain=True)
        self.standing("service_failed", LOBBY, lambda a: a["occurrences"] == 2)
        self.proxy.release()
        kept = eventually(lambda: self.rig.retained(self.topic), lambda m: m == [self.newer], 30)
        self.assertEqual(kept, [self.newer])  # published again, byte for byte
        alarm = self.standing("service_failed", LOBBY, lambda a: a["state"] == "unacknowledged")
        self.assertGreaterEqual(alarm["occurrences"], 2)
        self.assertIsNone(alarm["acknowledged_by"])

    def test_a_console_whose_clear_hit_a_newer_one(self):
        console = Console(self.rig, self.rig.db, self.proxy.port, "anna")
        self.addCleanup(console.stop)
        self.race(lambda: console.press(b"a"))

    def test_an_ack_whose_clear_hit_a_newer_one(self):
        self.recording()
        ran = []

        def ack():
            ran.append(subprocess.run([PROGRAM, "ack", LOBBY, "-h", "127.0.0.1", "-p", str(self.proxy.port), "--db", self.rig.db,
                                       "--operator", "anna"], capture_output=True, text=True, timeout=60))
        thread = threading.Thread(target=ack)
        self.race(thread.start)
        thread.join(60)
        self.assertEqual(ran[0].returncode, 0, ran[0].stderr)

    def test_cleared_elsewhere_while_away(self):
        p = self.recording()
        self.rig.publish(self.topic, failed_payload("2026-04-05T08:00:00Z"), retain=True)
        self.standing("service_failed", LOBBY)
        p.send_signal(signal.SIGTERM)
        p.wait(10)
        self.rig.publish(self.topic, "", retain=True)
        self.recording()
        alarm = self.standing("service_failed", LOBBY, lambda a: a["state"] == "normal")
        self.assertIn("cleared elsewhere", alarm["summary"])
        self.assertEqual([a for a in self.alarms() if a["kind"] == "service_failed"], [])


class Again(Base):
    def test_a_later_note_and_a_longer_shelf(self):
        self.recording()
        self.crash(LOBBY, "lobby-03")
        crash = self.standing("process_crashed", LOBBY)

        def done(*args):
            answer = self.rig.run(*args, "--operator", "bert")
            self.assertEqual(answer.returncode, 0, answer.stderr)
        done("ack", crash["id"], "--note", "on my way")
        done("ack", crash["id"], "--note", "cable")
        self.standing("process_crashed", LOBBY, lambda a: a["state"] == "acknowledged" and a["note"] == "cable")
        done("shelve", crash["id"], "--for", "1h")
        first = self.standing("process_crashed", LOBBY, lambda a: a["state"] == "shelved")["shelved_until"]
        done("shelve", crash["id"], "--for", "4h")
        self.standing("process_crashed", LOBBY, lambda a: a["state"] == "shelved" and a["shelved_until"] > first)


class OwnLink(Base):
    def test_acknowledged_beside_the_recorder(self):
        """Never shared over the broker, yet the recorder hears of it; it lasts."""
        self.recording()
        self.rig.broker.kill()
        self.rig.broker.wait()
        self.standing("broker_unreachable", None)
        self.rig.start_broker()
        alarm = self.standing("broker_unreachable", None, lambda a: a["state"] == "returned", seconds=60)
        answer = self.rig.run("ack", alarm["id"], "--operator", "anna", "--note", "router")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        alarm = self.standing("broker_unreachable", None, lambda a: a["state"] == "normal")
        self.assertEqual((alarm["acknowledged_by"], alarm["note"]), ("anna", "router"))
        self.assertEqual(self.alarms(), [])
        self.assertEqual(self.rig.retained(f"infoscreen/console/ack/{alarm['id']}"), [])

    def test_acknowledged_while_it_stands(self):
        self.recording()
        self.rig.broker.kill()
        self.rig.broker.wait()
        alarm = self.standing("broker_unreachable", None)
        answer = self.rig.run("ack", alarm["id"], "--operator", "anna")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.standing("broker_unreachable", None, lambda a: a["state"] == "acknowledged" and a["acknowledged_by"] == "anna")


class Recovered(Base):
    def fail_and_run_again(self, *extra):
        self.topic = f"infoscreen/{LOBBY}/service_failed"
        self.rig.publish(self.topic, failed_payload("1970-01-01T00:00:12Z"), retain=True)  # it stands before anybody looks
        self.recording("--set", "alarms.recovered_after=1s", *extra)
        self.standing("service_failed", LOBBY, lambda a: a["state"] == "unacknowledged")

        def state():
            self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running")
            return self.standing("service_failed", LOBBY)["state"]
        return state

    def test_clears_by_itself(self):
        state = self.fail_and_run_again()
        self.assertEqual(eventually(state, lambda s: s == "returned", 30), "returned")
        self.assertEqual(self.rig.retained(self.topic), [])
        self.assertEqual(self.rig.run("ack", LOBBY).returncode, 0)
        self.assertEqual(self.standing("service_failed", LOBBY)["state"], "normal")

    def test_asks(self):
        state = self.fail_and_run_again("--set", "alarms.on_recovery=ask")
        until = time.monotonic() + 3  # three times what it would take
        while time.monotonic() < until:
            self.assertEqual(state(), "unacknowledged")
        self.assertEqual(self.rig.run("ack", LOBBY).returncode, 0)
        self.assertEqual(self.rig.retained(self.topic), [])


class BadNight(Base):
    def raised(self):
        return [(e["alarm_id"], e["at"]) for e in self.rig.json("history", "--kind", "alarm_raised", "--limit", "10000")["events"]]

    def is_crashed(self, i, n):
        self.crash(uuid_of(i), f"screen-{i}")  # a heartbeat is lost where nobody listens; the next one is not
        return [a for a in self.alarms() if a["client_uuid"] == uuid_of(i) and a["occurrences"] == n and a["state"] ==
                "unacknowledged"]

    def test_a_recorder_killed_in_the_middle(self):
        """Each crash is one occurrence, however often the recorder dies around it; what stood and who had it is known again."""
        dice = random.Random(SEED)
        recorder = self.recording()
        crashes = {}
        for _ in range(5 * ROUNDS):
            for i in dice.sample(range(6), 3):
                if crashes.setdefault(i, [0, False])[1] is False:
                    crashes[i] = [crashes[i][0] + 1, True]
            for i in crashes:
                self.assertTrue(not crashes[i][1] or eventually(lambda i=i: self.is_crashed(i, crashes[i][0]), bool, 30),
                                (i, crashes, self.rig.log()))
            recorder.kill()
            recorder.wait()
            recorder = self.rig.record()
            self.assertTrue(eventually(lambda: self.rig.json("clients")["broker"]["connected"], bool, 30), self.rig.log())
            well = dice.choice(list(crashes))
            if crashes[well][1]:
                def runs():
                    self.rig.heartbeat(uuid_of(well), hostname=f"screen-{well}", process_status="running")
                    return self.standing("process_crashed", uuid_of(well))["state"]
                self.assertEqual(eventually(runs, lambda s: s == "returned", 30), "returned")
                crashes[well][1] = False
        raised = [r for r in self.raised() if r[0].startswith("process_crashed")]
        self.assertEqual(len(raised), sum(n for n, _ in crashes.values()), raised)
        self.assertEqual(len(set(raised)), len(raised))
        for i, (n, stands) in crashes.items():
            alarm = self.standing("process_crashed", uuid_of(i))
            self.assertEqual((alarm["occurrences"], alarm["state"]), (n, "unacknowledged" if stands else "returned"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
