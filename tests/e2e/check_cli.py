#!/usr/bin/python3
"""The command line as scripts use it: the real program, a real Mosquitto, devices played with another MQTT library.

Run by tests/run.sh; BUILD names the build folder. Each test has a broker and a database of its own. Nothing waits for time to pass:
eventually() repeats a question until the answer is right or its deadline is over.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import paho.mqtt.client as mqtt

from port import answers, free_port

PROGRAM = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "infoscreen-tui"))
LOBBY = "9b8d1856-ff34-4864-a726-12de072d0f77"
KITCHEN = "41aa03c2-1111-4111-8111-111111111111"
CLIENT_KEYS = {"uuid", "hostname", "group_id", "state", "first_seen_at", "last_heartbeat_at", "last_health_at", "process",
               "process_status", "pid", "expected_event_id", "broker_reachable", "reconnect_count", "last_disconnect_at",
               "service_failed", "alarms", "commands_in_flight"}
ALARM_KEYS = {"id", "kind", "priority", "state", "client_uuid", "group_id", "raised_at", "cleared_at", "acknowledged_at",
              "acknowledged_by", "shelved_until", "suppressed_by", "occurrences", "summary", "note"}
COMMAND_KEYS = {"command_id", "client_uuid", "action", "status", "requested_by", "reason", "issued_at", "expires_at",
                "published_at", "accepted_at", "execution_started_at", "finished_at", "error_code", "error_message", "late",
                "rollout_id", "acks"}


def eventually(ask, right, seconds=10):
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if right(answer) or time.monotonic() > until:
            return answer
        time.sleep(0.05)


def new_client(client_id):
    try:
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, client_id)
    except AttributeError:
        return mqtt.Client(client_id)


class Rig:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="infoscreen-cli-")
        os.chmod(self.dir, 0o755)
        self.db = os.path.join(self.dir, "history.db")
        self.port = free_port()
        with open(os.path.join(self.dir, "m.conf"), "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                    f"persistence_location {self.dir}/\nmax_queued_messages 100000\n")
        if os.getuid() == 0:
            shutil.chown(self.dir, "mosquitto")
        self.children = []
        self.start_broker()
        self.device = new_client("device")
        self.device.connect("127.0.0.1", self.port)
        self.device.loop_start()

    def start_broker(self):
        path = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
        self.broker = subprocess.Popen([shutil.which("mosquitto", path=path), "-c", os.path.join(self.dir, "m.conf")],
                                       stderr=subprocess.DEVNULL)
        self.children.append(self.broker)
        assert eventually(lambda: answers(self.port), bool, 30)

    def record(self, *extra):
        with open(os.path.join(self.dir, "record.log"), "a") as log:
            p = subprocess.Popen([PROGRAM, "record", "-h", "127.0.0.1", "-p", str(self.port), "--db", self.db, *extra],
                                 stderr=log)
        self.children.append(p)
        return p

    def log(self):
        with open(os.path.join(self.dir, "record.log")) as f:
            return f.read()

    def publish(self, topic, payload, retain=False):
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        self.device.publish(topic, payload, qos=1, retain=retain).wait_for_publish()

    def heartbeat(self, uuid, **fields):
        self.publish(f"infoscreen/{uuid}/heartbeat", fields)

    def run(self, *args, broker=True):
        at = ["-h", "127.0.0.1", "-p", str(self.port)] if broker else []
        return subprocess.run([PROGRAM, *args, *at, "--db", self.db, "--operator", "anna"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)

    def json(self, *args):
        r = self.run(*args, "-o", "json")
        assert r.returncode == 0, (args, r.returncode, r.stderr)
        return json.loads(r.stdout)

    def retained(self, topic):
        """Stored messages of a filter; a stored marker behind it in the same SUBSCRIBE says that all have come."""
        self.publish("marker", "that is all", retain=True)
        sub = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-t", topic, "-t", "marker", "-W", "30",
                                "--retained-only"], stdout=subprocess.PIPE, text=True)
        found = []
        for line in sub.stdout:
            if line.strip() == "that is all":
                break
            found.append(line.strip())
        else:
            raise AssertionError("the marker did not come")
        sub.kill()
        sub.communicate()
        return [line for line in found if line]

    def stop(self):
        self.device.loop_stop()
        for p in self.children:
            if p.poll() is None:
                p.terminate()
        for p in self.children:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Cli(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)

    def clients(self, *args):
        return {c["uuid"]: c for c in self.rig.json("clients", *args)["clients"]}

    def client(self, uuid, right, *args, seconds=10):
        return eventually(lambda: self.clients(*args).get(uuid) or {}, right, seconds)

    def alarms(self, *args):
        return self.rig.json("alarms", *args)["alarms"]

    def recording(self, *extra):
        p = self.rig.record(*extra)
        self.rig.heartbeat(KITCHEN, hostname="kitchen-1", process_status="running")

        def up():
            self.rig.heartbeat(KITCHEN, hostname="kitchen-1", process_status="running")
            return KITCHEN in self.clients()
        self.assertTrue(eventually(up, bool, 15), self.rig.log())
        return p

    def test_without_a_database(self):
        for what, key in (("clients", "clients"), ("alarms", "alarms"), ("commands", "commands"), ("history", "events"),
                          ("logs", "logs")):
            r = self.rig.run(what, "-o", "json")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(json.loads(r.stdout)[key], [])
            self.assertTrue(r.stderr)

    def test_usage_errors(self):
        for args in (["clients", "--state", "purple"], ["nonsense"], ["clients", "--nonsense"],
                     ["clients", "--set", "fleet.heartbeat_timeout=3 parsecs"], ["clients", "--set", "no.such=1"],
                     ["alarms", "--kind", "bogus"], ["history", "--since", "soon"], ["clients", "-o", "xml"]):
            r = self.rig.run(*args)
            self.assertEqual(r.returncode, 2, (args, r.stderr))
            self.assertTrue(r.stderr.startswith("infoscreen-tui: "), (args, r.stderr))
            self.assertEqual(r.stdout, "")

    def test_clients(self):
        self.recording()
        self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running", current_process="display_manager",
                           process_pid=1234)
        self.rig.publish(f"infoscreen/{LOBBY}/group_id", "vienna-1", retain=True)
        self.rig.publish(f"infoscreen/{LOBBY}/health", {
            "timestamp": "2026-04-05T08:00:00.000000+00:00", "expected_state": {"event_id": 42},
            "actual_state": {"process": "display_manager", "pid": 1234, "status": "running"},
            "broker_connection": {"broker_reachable": True, "reconnect_count": 2,
                                  "last_disconnect_at": "2026-04-04T10:30:00Z"}})
        c = self.client(LOBBY, lambda c: c.get("reconnect_count") == 2 and c.get("group_id") and c.get("last_health_at"),
                        seconds=16)
        self.assertEqual(set(c), CLIENT_KEYS)
        self.assertEqual((c["hostname"], c["state"], c["process"], c["pid"], c["expected_event_id"], c["group_id"]),
                         ("lobby-03", "online", "display_manager", 1234, 42, "vienna-1"))
        self.assertEqual((c["broker_reachable"], c["reconnect_count"], c["last_disconnect_at"], c["service_failed"]),
                         (True, 2, "2026-04-04T10:30:00.000Z", None))
        self.assertRegex(c["last_health_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        whole = self.rig.json("clients")
        self.assertEqual(whole["broker"], {"connected": True, "outage": False})
        self.assertEqual(set(self.clients("--group", "vienna-1")), {LOBBY})
        self.assertEqual(set(self.clients("--state", "online")), {LOBBY, KITCHEN})
        self.assertEqual(set(self.clients("9b8d")), {LOBBY})
        self.assertEqual(self.rig.run("clients", "ffff").returncode, 4)
        self.assertEqual(set(self.clients("--filter", "!lobby")), {KITCHEN})
        self.rig.publish(f"infoscreen/{LOBBY}/health", {"broker_connection": {"reconnect_count": 3}})
        events = eventually(lambda: self.rig.json("history", "--kind", "reconnect")["events"], bool)
        self.assertEqual((events[0]["kind"], events[0]["client_uuid"]), ("reconnect", LOBBY))

    def test_crash_and_silence(self):
        self.recording("--set", "fleet.heartbeat_timeout=3s")
        self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="crashed")
        c = self.client(LOBBY, lambda c: c.get("state") == "crashed")
        self.assertEqual(c["state"], "crashed")
        kinds = eventually(lambda: {a["kind"] for a in self.alarms()}, lambda k: "process_crashed" in k)
        self.assertIn("process_crashed", kinds)
        self.rig.heartbeat(LOBBY, process_status="running")
        self.assertEqual(self.client(LOBBY, lambda c: c.get("state") == "online")["state"], "online")
        crash = [a for a in self.alarms() if a["kind"] == "process_crashed"]
        self.assertEqual(crash[0]["state"], "returned")
        self.assertEqual(set(crash[0]), ALARM_KEYS)

        def keep_kitchen():
            self.rig.heartbeat(KITCHEN, process_status="running")
            return self.clients().get(LOBBY, {}).get("state")
        self.assertEqual(eventually(keep_kitchen, lambda s: s == "silent"), "silent")
        self.assertIn(LOBBY, self.clients("--state", "crashed"))
        changes = [e for e in self.rig.json("history", "--client", LOBBY)["events"] if e["kind"] == "state_changed"]
        self.assertGreaterEqual(len(changes), 3)
        self.assertEqual(sorted((e["seq"] for e in changes), reverse=True), [e["seq"] for e in changes])

    def failed_payload(self, at="2026-04-05T08:00:00Z"):
        return {"event": "service_failed", "unit": "infoscreen-simclient.service", "client_uuid": LOBBY, "failed_at": at}

    def test_service_failed_and_ack(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        self.recording()
        c = self.client(LOBBY, lambda c: c.get("state") == "service_failed")
        self.assertEqual(c["service_failed"], {"unit": "infoscreen-simclient.service", "failed_at": "2026-04-05T08:00:00.000Z"})
        alarm = eventually(self.alarms, bool)[0]
        self.assertEqual((alarm["kind"], alarm["state"], alarm["client_uuid"]), ("service_failed", "unacknowledged", LOBBY))
        import hashlib
        self.assertEqual(alarm["id"], "service_failed-" + hashlib.sha256(b"service_failed\0" + LOBBY.encode()).hexdigest()[:16])
        r = self.rig.run("quittieren", LOBBY[:8], "--note", "on my way", "-o", "json")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.rig.retained(f"infoscreen/{LOBBY}/service_failed"), [])
        ack = json.loads(self.rig.retained(f"infoscreen/console/ack/{alarm['id']}")[0])
        self.assertEqual((ack["action"], ack["by"], ack["raised_at"], ack["acknowledged_by"], ack["note"]),
                         ("acknowledge", "anna", "2026-04-05T08:00:00Z", "anna", "on my way"))
        done = eventually(lambda: [a for a in self.alarms("--all") if a["kind"] == "service_failed"],
                          lambda a: a and a[0]["state"] == "normal")
        self.assertEqual((done[0]["state"], done[0]["acknowledged_by"]), ("normal", "anna"))
        kinds = {e["kind"] for e in self.rig.json("history", "--client", LOBBY)["events"]}
        self.assertLessEqual({"alarm_raised", "alarm_acknowledged", "alarm_cleared"}, kinds)
        self.assertIn("already acknowledged by anna", self.rig.run("ack", alarm["id"]).stdout)
        self.assertEqual(self.rig.run("ack", "service_failed-0123456789abcdef").returncode, 4)

    def test_cleared_elsewhere_while_down(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        p = self.recording()
        self.client(LOBBY, lambda c: c.get("state") == "service_failed")
        p.terminate()
        p.wait()
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", "", retain=True)
        self.recording()
        c = self.client(LOBBY, lambda c: c.get("state") != "service_failed", seconds=20)
        self.assertNotEqual(c["state"], "service_failed")
        self.assertEqual([a for a in self.alarms() if a["kind"] == "service_failed"], [])

    def test_plain_empty_message_clears_nothing(self):
        self.recording()
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        self.client(LOBBY, lambda c: c.get("state") == "service_failed")
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", "", retain=False)
        self.rig.heartbeat(KITCHEN, hostname="after")
        self.client(KITCHEN, lambda c: c.get("hostname") == "after")
        self.assertEqual(self.clients()[LOBBY]["state"], "service_failed")

    def test_ack_without_recorder(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        r = self.rig.run("ack", LOBBY)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.rig.retained(f"infoscreen/{LOBBY}/service_failed"), [])

    def test_ack_of_one_that_is_named_alike(self):
        """Acknowledged by its name, but its message stands: a device without a clock."""
        for _ in range(2):
            self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
            r = self.rig.run("ack", LOBBY)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(self.rig.retained(f"infoscreen/{LOBBY}/service_failed"), [])

    def rules(self, *writable):
        acl = os.path.join(self.rig.dir, "acl")
        with open(acl, "w") as f:
            f.writelines(f"topic {rule}\n" for rule in ["read infoscreen/#", "readwrite marker", *(f"write {w}" for w in writable)])
        with open(os.path.join(self.rig.dir, "m.conf"), "a") as f:
            f.write(f"acl_file {acl}\n")
        os.chmod(acl, 0o644)
        self.rig.device.disconnect()
        self.rig.device.loop_stop()
        self.rig.broker.terminate()
        self.rig.broker.wait()
        self.rig.start_broker()
        self.rig.device.reconnect()
        self.rig.device.loop_start()

    def test_ack_without_the_right_to_be_present(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        self.rules("infoscreen/+/service_failed", "infoscreen/console/ack/+")
        r = self.rig.run("ack", LOBBY)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.rig.retained(f"infoscreen/{LOBBY}/service_failed"), [])

    def test_ack_without_the_right_to(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", self.failed_payload(), retain=True)
        self.rules("infoscreen/+/heartbeat")
        r = self.rig.run("ack", LOBBY)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("infoscreen/console/ack/service_failed-", r.stderr.splitlines()[0])
        self.assertEqual(len(self.rig.retained(f"infoscreen/{LOBBY}/service_failed")), 1)

    def test_policy_and_missing_broker(self):
        r = self.rig.run("ack", LOBBY, "--read-only")
        self.assertEqual(r.returncode, 6, r.stderr)
        self.rig.broker.terminate()
        self.rig.broker.wait()
        r = self.rig.run("ack", LOBBY)
        self.assertEqual(r.returncode, 3, r.stderr)
        self.assertTrue(r.stderr.startswith("infoscreen-tui: "))

    def test_acks_survive_kill_9(self):
        """What the journal was told by PUBACK is in the database, and what came while nobody recorded comes later."""
        command = "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
        p = self.recording()
        self.rig.publish(f"infoscreen/{LOBBY}/commands", {
            "schema_version": "1.0", "command_id": command, "client_uuid": LOBBY, "action": "reboot_host",
            "issued_at": "2026-04-05T08:00:00Z", "expires_at": "2036-04-05T08:04:00Z", "requested_by": "berta",
            "reason": "test"})
        ask = lambda: (self.rig.json("commands", command)["commands"] or [{}])[0]
        try:
            eventually(lambda: self.rig.json("commands")["commands"], bool)
            for status in ("accepted", "execution_started"):
                self.rig.publish(f"infoscreen/{LOBBY}/commands/ack", {
                    "command_id": command, "status": status, "error_code": None, "error_message": None})
            c = eventually(ask, lambda c: c.get("status") == "execution_started")
            self.assertEqual(set(c), COMMAND_KEYS)
            self.assertEqual(c["status"], "execution_started")
        finally:
            p.kill()
            p.wait()
        self.rig.publish(f"infoscreen/{LOBBY}/commands/ack", {
            "command_id": command, "status": "completed", "error_code": None, "error_message": None})
        self.recording()
        c = eventually(ask, lambda c: c.get("status") == "completed", 15)
        self.assertEqual((c["status"], c["requested_by"], c["action"]), ("completed", "berta", "reboot_host"))
        self.assertEqual({(a["status"]) for a in c["acks"]}, {"accepted", "execution_started", "completed"})

    def test_takeover(self):
        first = self.recording()
        self.rig.record()
        first.kill()
        first.wait()

        def seen():
            self.rig.heartbeat(LOBBY, hostname="after-the-takeover")
            return LOBBY in self.clients()
        self.assertTrue(eventually(seen, bool, 7))

    def test_several_begin_at_once(self):
        """On a new database: one makes what all of them share, and no other meets it half made."""
        for k in range(15):
            db = os.path.join(self.rig.dir, f"at-once-{k}.db")
            several = [subprocess.Popen([PROGRAM, "record", "-h", "127.0.0.1", "-p", "1", "--db", db], text=True,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(4)]
            said = [p.stderr.readline() for p in several]
            for p in several:
                p.terminate()
                p.communicate()
            self.assertEqual([s for s in said if ".session" in s], [])

    def test_broker_restart(self):
        self.recording()
        self.rig.broker.kill()
        self.rig.broker.wait()
        self.assertFalse(eventually(lambda: self.rig.json("clients")["broker"]["connected"], lambda c: not c))
        self.rig.start_broker()
        self.assertTrue(eventually(lambda: self.rig.json("clients")["broker"]["connected"], bool, 40))
        kinds = [e["kind"] for e in self.rig.json("history")["events"]]
        self.assertIn("link_down", kinds)
        self.assertIn("link_up", kinds)
        self.assertEqual({c["state"] for c in self.rig.json("clients")["clients"]}, {"online"})

    def test_hostile_messages(self):
        self.recording()
        topic = f"infoscreen/{LOBBY}/heartbeat"
        for payload in (b"\xff\xfe", b"[" * 10000 + b"]" * 10000, b"{" * 5, b"[]", b"\"x\"", b"null", b"", b"{}x",
                        b"{\"process_pid\":1e999}", b"{\"hostname\":17,\"process_pid\":\"x\",\"ip\":{}}",
                        b"{\"client_uuid\":\"" + KITCHEN.encode() + b"\"}", b" " * 70000 + b"{}"):
            self.rig.publish(topic, payload)
        for topic in ("infoscreen/no-uuid/heartbeat", "infoscreen/console/x", "infoscreen", "infoscreen//heartbeat",
                      f"infoscreen/{LOBBY}/unknown"):
            self.rig.publish(topic, "{}")
        self.rig.publish(f"infoscreen/{LOBBY}/logs/error", "\x1b[31mred\u202egnirts\x07 \u009b2J".encode())
        self.rig.publish(f"infoscreen/{LOBBY}/heartbeat", json.dumps({"hostname": "a\x1b]0;x\x07b\u202ec" + "x" * 9000}))
        self.rig.heartbeat(KITCHEN, hostname="after")
        self.client(KITCHEN, lambda c: c.get("hostname") == "after")
        for args in (["clients"], ["logs"], ["logs", "-o", "csv"], ["clients", "-o", "json"], ["history"]):
            out = self.rig.run(*args).stdout
            self.assertFalse([c for c in out if ord(c) < 32 and c not in "\n\r" or 127 <= ord(c) < 160 or c == "\u202e"], args)
        logs = self.rig.json("logs", LOBBY)["logs"]
        self.assertEqual((logs[0]["level"], logs[0]["client_uuid"]), ("error", LOBBY))

    def test_other_spellings_of_the_same_client(self):
        self.recording()
        self.rig.heartbeat(LOBBY.upper(), hostname="shouting")
        c = self.client(LOBBY.upper(), bool)
        self.assertEqual(c["hostname"], "shouting")
        self.rig.heartbeat(LOBBY, hostname="whispering")
        eventually(self.clients, lambda cs: "whispering" in {c["hostname"] for c in cs.values()})
        self.assertEqual(len(self.clients()), 2)

    def test_wrong_password_and_unknown_host(self):
        r = subprocess.run([PROGRAM, "ack", LOBBY, "-h", "no-such-host.invalid", "--db", self.rig.db], capture_output=True,
                           text=True)
        self.assertEqual(r.returncode, 3)
        self.assertIn("no-such-host.invalid", r.stderr.splitlines()[0])

    def test_signals_end_it(self):
        p = self.recording()
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(10), 0)
        self.assertFalse(self.rig.json("clients")["broker"]["connected"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
