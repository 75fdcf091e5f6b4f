#!/usr/bin/python3
"""Commands as scripts issue them: the real program, a real Mosquitto, devices played with another MQTT library.

Run by tests/run.sh like check_cli.py, whose rig it uses.
"""
import json
import os
import socket
import subprocess
import threading
import unittest

from check_cli import COMMAND_KEYS, KITCHEN, LOBBY, PROGRAM, Rig, eventually, new_client


class Device:
    """Answers commands as told: a list of statuses to acknowledge, each on the topics given."""

    def __init__(self, rig, uuid, answers, topics=("commands/ack", "command/ack"), account=None):
        self.uuid, self.answers, self.topics, self.seen = uuid, answers, topics, []
        self.client = new_client("dev-" + uuid[:8])
        self.client.on_message = self.on_message
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *a: subscribed.set()
        if account:
            self.client.username_pw_set(*account)
        self.client.connect("127.0.0.1", rig.port)
        self.client.loop_start()
        self.client.subscribe([(f"infoscreen/{uuid}/commands", 1), (f"infoscreen/{uuid}/command", 1)])
        assert subscribed.wait(10)

    def on_message(self, client, user, message):
        command = json.loads(message.payload)
        first = command["command_id"] not in [c["command_id"] for _, c in self.seen]
        self.seen.append((message.topic.rsplit("/", 1)[1], command))
        assert not message.retain
        for status in self.answers if first else []:
            error = {"error_code": "helper_failed", "error_message": "sudo: a password is required"} if status == "failed" else {
                "error_code": None, "error_message": None}
            for topic in self.topics:
                client.publish(f"infoscreen/{self.uuid}/{topic}",
                               json.dumps({"command_id": command["command_id"], "status": status, **error}), qos=1)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


class HangingUp:
    """In front of the broker: closes the connection on a command to one device, as brokers do that cannot refuse a message."""

    def __init__(self, port, uuid):
        self.broker, self.mark, self.hung_up = port, f"infoscreen/{uuid}/command".encode(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self.broker))
            for a, b, watched in ((client, broker, True), (broker, client, False)):
                threading.Thread(target=self.pass_on, args=(a, b, watched), daemon=True).start()

    def pass_on(self, a, b, watched):
        try:
            while data := a.recv(65536):
                if watched and b"\0\4MQTT\5" in data[:16]: # with MQTT 5 a broker would refuse
                    break
                if watched and self.mark in data:
                    self.hung_up += 1
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.close()


ALL = ["accepted", "execution_started", "completed"]


def on_a_terminal(rig, typed, *args):
    """What the program says on a terminal of its own until it ends, and its exit code; typed is the answer to its question."""
    main, side = os.openpty()
    p = subprocess.Popen([PROGRAM, *args, "-h", "127.0.0.1", "-p", str(rig.port), "--db", rig.db, "--operator", "anna"],
                         stdin=side, stdout=side, stderr=side, start_new_session=True)
    os.close(side)
    os.write(main, typed.encode() + b"\n")
    said = b""
    while True:
        try:
            said += os.read(main, 4096)
        except OSError:  # the other side is closed
            break
    os.close(main)
    return said.decode(), p.wait(30)


class Send(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)

    def device(self, answers, uuid=LOBBY, **more):
        d = Device(self.rig, uuid, answers, **more)
        self.addCleanup(d.stop)
        return d

    def recording(self, *extra):
        p = self.rig.record(*extra)

        def up():
            for uuid, name in ((LOBBY, "lobby-03"), (KITCHEN, "kitchen-1")):
                self.rig.heartbeat(uuid, hostname=name, process_status="running")
            return len(self.rig.json("clients")["clients"]) == 2
        self.assertTrue(eventually(up, bool, 15), self.rig.log())
        return p

    def send(self, *args, code=0):
        r = self.rig.run("send", *args, "-o", "json")
        self.assertEqual(r.returncode, code, (args, r.stdout, r.stderr))
        if code:
            self.assertTrue(r.stderr.startswith("infoscreen-tui: "), r.stderr)
        return json.loads(r.stdout)["commands"] if r.stdout else r.stderr

    def stored(self, command_id):
        found = self.rig.json("commands")["commands"]
        return next((c for c in found if c["command_id"] == command_id), {})

    def test_completed(self):
        for recorder in (False, True):
            with self.subTest(recorder=recorder):
                if recorder:
                    self.recording()
                d = self.device(ALL)
                c, = self.send("restart_app", LOBBY, "--unknown", "--wait", "--reason", "stuck")
                self.assertEqual(set(c), COMMAND_KEYS)
                self.assertEqual((c["status"], c["client_uuid"], c["action"], c["requested_by"], c["reason"], c["late"]),
                                 ("completed", LOBBY, "restart_app", "anna", "stuck", False))
                for key in ("issued_at", "expires_at", "published_at", "accepted_at", "execution_started_at", "finished_at"):
                    self.assertIsNotNone(c[key], key)
                eventually(lambda: len(d.seen), lambda n: n == 2)
                self.assertEqual([t for t, _ in d.seen], ["commands", "command"])
                self.assertEqual(d.seen[0][1], d.seen[1][1])
                self.assertEqual(set(d.seen[0][1]), {"schema_version", "command_id", "client_uuid", "action", "issued_at",
                                                     "expires_at", "requested_by", "reason"})
                kept = eventually(lambda: self.stored(c["command_id"]), lambda k: k.get("status") == "completed")
                self.assertEqual((kept["status"], kept["reason"], kept["issued_at"]), ("completed", "stuck", c["issued_at"]))
                kinds = {e["kind"] for e in self.rig.json("history")["events"] if e["command_id"] == c["command_id"]}
                self.assertLessEqual({"command_queued", "command_published", "command_accepted", "command_completed"}, kinds)
                d.stop()

    def test_failed(self):
        self.recording()
        self.device(["accepted", "failed"])
        c, = self.send("reboot_host", LOBBY[:8], "--yes", "--wait", code=1)
        self.assertEqual((c["status"], c["error_code"], c["error_message"]),
                         ("failed", "helper_failed", "sudo: a password is required"))
        alarm = eventually(lambda: [a for a in self.rig.json("alarms")["alarms"] if a["kind"] == "command_failed"], bool)
        self.assertEqual(alarm[0]["client_uuid"], LOBBY)

    def test_expired_and_late(self):
        self.recording()
        d = self.device([])
        c, = self.send("restart_app", LOBBY, "--wait", "--expires", "2s", code=5)
        self.assertEqual((c["status"], c["late"]), ("expired", False))
        self.rig.publish(f"infoscreen/{LOBBY}/commands/ack", {"command_id": c["command_id"], "status": "completed"})
        late = eventually(lambda: self.stored(c["command_id"]), lambda k: k.get("status") == "completed")
        self.assertEqual((late["status"], late["late"]), ("completed", True))
        self.assertEqual(len(d.seen), 2)

    def test_the_recorder_follows_and_sweeps(self):
        self.recording()
        self.device(["accepted"])
        c, = self.send("restart_app", LOBBY, "--expires", "3s")
        self.assertIn(c["status"], ("published", "accepted"))
        k = eventually(lambda: self.stored(c["command_id"]), lambda k: len(k.get("acks", [])) == 2)
        self.assertEqual({(a["status"], a["topic"]) for a in k["acks"]},
                         {("accepted", "commands/ack"), ("accepted", "command/ack")})
        k = eventually(lambda: self.stored(c["command_id"]), lambda k: k.get("status") == "expired")
        self.assertEqual((k["status"], k["requested_by"]), ("expired", "anna"))

    def test_checks(self):
        self.recording()
        self.send("explode", LOBBY, code=2)
        self.send("restart_app", code=2)
        self.send("restart_app", LOBBY, "--group", "g", code=2)
        self.send("restart_app", LOBBY, "--expires", "0s", code=2)
        self.send("restart_app", LOBBY, "--override-lockout", code=2)
        self.send("restart_app", "--state", "purple", code=2)
        self.send("restart_app", "--group", "empty", "--yes", code=4)
        self.send("restart_app", "ffff", code=4)
        self.send("restart_app", "ffffffff-1111-4111-8111-111111111111", code=4)
        self.send("reboot_host", LOBBY, code=6)
        self.send("restart_app", LOBBY, KITCHEN, code=6)
        self.send("restart_app", LOBBY, "--read-only", code=6)
        self.rig.heartbeat("9b8d0000-1111-4111-8111-111111111111", hostname="twin")
        eventually(lambda: len(self.rig.json("clients")["clients"]), lambda n: n == 3)
        self.assertIn("9b8d0000", self.send("restart_app", "9b8d", code=2))
        self.assertEqual(self.rig.json("commands")["commands"], [])

    def test_lockout(self):
        self.recording()
        self.device(ALL)
        self.device(ALL, KITCHEN)
        for _ in range(3):
            self.send("restart_app", LOBBY, "--wait")
        c, = self.send("restart_app", LOBBY, code=6)
        self.assertEqual(c["status"], "blocked")
        self.assertIn("lobby-03: restart_app is blocked", self.rig.run("send", "restart_app", LOBBY).stderr)
        self.assertEqual(self.stored(c["command_id"])["status"], "blocked")
        self.send("restart_app", KITCHEN, "--wait")
        self.send("restart_app", LOBBY, "--override-lockout", "--reason", "on site", "--wait")

    def test_shutting_down_wants_the_name(self):
        self.recording()
        d = self.device(ALL)
        for typed, code in (("", 6), ("yes", 6), ("kitchen-1", 6), ("lobby-03", 0)):
            self.assertEqual(d.seen, [])
            asked, returncode = on_a_terminal(self.rig, typed, "send", "shutdown_host", LOBBY)
            self.assertIn("Type lobby-03 to send: ", asked)
            self.assertEqual(returncode, code, asked)
        self.assertEqual(eventually(lambda: [c["action"] for _, c in d.seen], lambda a: len(a) == 2), ["shutdown_host"] * 2)

    def test_no_broker(self):
        self.rig.broker.terminate()
        self.rig.broker.wait()
        c, = self.send("restart_app", LOBBY, "--unknown", code=3)
        self.assertEqual(c["status"], "cancelled")
        self.assertEqual(self.stored(c["command_id"])["status"], "cancelled")

    def test_no_broker_but_a_recorder(self):
        self.recording()
        self.rig.broker.terminate()
        self.rig.broker.wait()
        c, = self.send("restart_app", LOBBY, code=3)
        self.assertEqual(c["status"], "queued")
        other, = self.send("restart_app", KITCHEN, code=3)
        r = self.rig.run("commands", "cancel", other["command_id"])
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.stored(other["command_id"])["status"], "cancelled")
        self.rig.start_broker()
        d, spared = self.device(ALL), self.device(ALL, KITCHEN)
        k = eventually(lambda: self.stored(c["command_id"]), lambda k: k.get("status") == "completed", 40)
        self.assertEqual(k["status"], "completed")
        self.assertEqual({x["command_id"] for _, x in d.seen}, {c["command_id"]})
        self.assertEqual(spared.seen, [])
        r = self.rig.run("commands", "cancel", c["command_id"])
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertEqual(self.rig.run("commands", "cancel", LOBBY).returncode, 4)

    def test_kill_9_between_stored_and_published(self):
        """Killed the moment it is in the database: the recorder takes it over, with the same id."""
        self.recording()
        d = self.device(ALL)
        p = subprocess.Popen([PROGRAM, "send", "restart_app", LOBBY, "-h", "127.0.0.1", "-p", str(self.rig.port), "--db",
                              self.rig.db, "--operator", "anna"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        queued = lambda: [c for c in self.rig.json("commands")["commands"]]
        while p.poll() is None and not queued():
            pass
        p.kill()
        p.wait()
        c = queued()[0]
        k = eventually(lambda: self.stored(c["command_id"]), lambda k: k.get("status") == "completed")
        self.assertEqual(k["status"], "completed")
        self.assertEqual({x["command_id"] for _, x in d.seen}, {c["command_id"]})

    def test_refused_by_the_rules(self):
        acl = os.path.join(self.rig.dir, "acl")
        with open(acl, "w") as f:
            f.write("topic read infoscreen/#\ntopic write infoscreen/+/heartbeat\ntopic write infoscreen/console/#\n")
        with open(os.path.join(self.rig.dir, "m.conf"), "a") as f:
            f.write(f"acl_file {acl}\n")
        os.chmod(acl, 0o644)
        self.rig.broker.terminate()
        self.rig.broker.wait()
        self.rig.start_broker()
        c, = self.send("restart_app", LOBBY, "--unknown", "--wait", code=1)
        self.assertEqual((c["status"], c["error_code"]), ("failed", "not_authorized"))

    @unittest.skipIf(os.getuid(), "wants root for a disk of its own")
    def test_a_full_disk(self):
        """What cannot be stored is not sent, and says so."""
        disk = os.path.join(self.rig.dir, "disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]).returncode:
            self.skipTest("no tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        self.rig.db = os.path.join(disk, "history.db")
        self.recording()
        d = self.device(ALL)
        self.send("restart_app", LOBBY, "--wait")
        with open(os.path.join(disk, "ballast"), "wb", 0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError:
                pass
        r = self.rig.run("send", "restart_app", LOBBY, "--wait", "-o", "json")
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("disk full", r.stderr.splitlines()[0])
        self.assertEqual(len({c["command_id"] for _, c in d.seen}), 1)
        os.unlink(os.path.join(disk, "ballast"))
        eventually(lambda: self.send("restart_app", LOBBY, "--wait"), bool)

    def test_a_broker_that_hangs_up(self):
        """The one it hangs up on is set aside, the rest goes on."""
        proxy = HangingUp(self.rig.port, LOBBY)
        self.addCleanup(proxy.stop)
        self.device(ALL, KITCHEN)
        r = subprocess.run([PROGRAM, "send", "restart_app", LOBBY, KITCHEN, "--unknown", "--yes", "--wait", "-o", "json", "-h",
                            "127.0.0.1", "-p", str(proxy.port), "--db", self.rig.db], capture_output=True, text=True, timeout=60)
        lobby, kitchen = json.loads(r.stdout)["commands"]
        self.assertEqual((r.returncode, lobby["status"], lobby["error_code"]), (1, "failed", "not_authorized"), r.stderr)
        self.assertIn("closes the connection", lobby["error_message"])
        self.assertEqual(kitchen["status"], "completed")
        self.assertLessEqual(proxy.hung_up, 4)

    def test_rollout(self):
        self.recording()
        self.device(["accepted", "failed"])
        kitchen = self.device(ALL, KITCHEN)
        r = self.send("restart_app", LOBBY, KITCHEN, "--yes", "--parallel", "1", "--max-failures", "1", code=1)
        self.assertEqual([c["status"] for c in r], ["failed", "cancelled"])
        self.assertEqual(len({c["rollout_id"] for c in r}), 1)
        self.assertIsNotNone(r[0]["rollout_id"])
        self.assertEqual(kitchen.seen, [])
        self.assertEqual(self.stored(r[1]["command_id"])["status"], "cancelled")
        r = self.send("restart_app", KITCHEN, LOBBY, "--yes", "--canary", "1", code=1)
        self.assertEqual([c["status"] for c in r], ["completed", "failed"])
        r = self.send("restart_app", "--state", "online", "--yes", "--wait", code=1)
        self.assertEqual(sorted(c["status"] for c in r), ["completed", "failed"])

    def test_recovery(self):
        self.recording("--set", "recovery.enabled=yes", "--set", "recovery.settle=2s")
        d = self.device(ALL)
        self.rig.heartbeat(LOBBY, process_status="crashed", timestamp="2026-04-05T08:00:00Z")
        c = eventually(lambda: self.rig.json("commands")["commands"], lambda c: c and c[0]["status"] == "completed", 12)
        self.assertEqual((c[0]["action"], c[0]["client_uuid"], c[0]["requested_by"]), ("restart_app", LOBBY, "auto-recovery"))
        self.assertEqual([e["client_uuid"] for e in self.rig.json("history", "--kind", "recovery")["events"]], [LOBBY])
        self.assertEqual({x["command_id"] for _, x in d.seen}, {c[0]["command_id"]})

    def test_recovery_by_one_of_two_hosts(self):
        """Two recorders with databases of their own: one acts, the other says why it doesn't."""
        on = ["--set", "recovery.enabled=yes", "--set", "recovery.settle=2s"]
        first = self.rig.db
        self.recording(*on)
        self.rig.db = second = first + "-second"
        self.recording(*on)
        d = self.device(ALL)
        self.rig.heartbeat(LOBBY, process_status="crashed", timestamp="2026-04-05T08:00:00Z")
        lists = []
        for self.rig.db in (first, second):
            lists.append(eventually(lambda: self.rig.json("commands")["commands"], lambda c: c and c[0]["status"] == "completed", 20))
        self.assertEqual([len(x) for x in lists], [1, 1])
        self.assertEqual(len({x[0]["command_id"] for x in lists}), 1)
        self.assertEqual({x["command_id"] for _, x in d.seen}, {lists[0][0]["command_id"]})
        said = []
        for self.rig.db in (first, second):
            said += eventually(lambda: self.rig.json("history", "--kind", "recovery")["events"], bool, 20)
        self.assertEqual(sorted("another" in e["summary"] for e in said), [False, True], said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
