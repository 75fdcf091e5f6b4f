#!/usr/bin/python3
"""The second broker: aedes, which speaks MQTT 3.1.1 only and hangs up on what it refuses; then two of its nodes over a Redis.

Run by make check-long; BUILD names the build folder, into which the packages of tests/e2e/aedes/package.json are installed.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unittest

from check_cli import KITCHEN, LOBBY, PROGRAM, Rig, eventually, new_client
from check_send import ALL, Device
from port import free_port
from screen import Screen

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aedes")
NODES = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "aedes"))
SERVER, PASSWORD, DEVICE_PASSWORD = "infoscreen-server", "the console's", "the devices'"
WAIT = 30


def missing():
    """What this test needs and make check doesn't, and where it comes from."""
    found = []
    try:
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
        if int(re.match(r"v(\d+)", version).group(1)) < 20:
            found.append(f"node 20 or later (this is {version.strip()}): from https://nodejs.org, or the package of your system")
    except OSError:
        found.append("node 20 or later: apt-get install nodejs npm (Debian 13, Ubuntu 25.04), else from https://nodejs.org")
    if not shutil.which("npm"):
        found.append("npm: it comes with node, or apt-get install npm")
    if not shutil.which("redis-server"):
        found.append("redis-server: apt-get install redis-server")
    return found


def install():
    """Once per build folder: the exact versions that package.json names."""
    os.makedirs(NODES, exist_ok=True)
    with open(os.path.join(HERE, "package.json")) as f:
        wanted = f.read()
    for name in ("package.json", "broker.mjs"):
        shutil.copy(os.path.join(HERE, name), NODES)
    stamp = os.path.join(NODES, "node_modules", ".wanted")
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == wanted:
                return
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"], cwd=NODES,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"check_aedes: npm install failed in {NODES}: check the network, or npm's own settings\n{done.stderr}")
    with open(stamp, "w") as f:
        f.write(wanted)


class Node:
    """One aedes process; and how the accounts connect to it."""

    def __init__(self, rig, port, **settings):
        self.port, self.log = port, os.path.join(rig.dir, f"aedes-{port}.log")
        settings = {"port": port, "password": PASSWORD, "devicePassword": DEVICE_PASSWORD, **settings}
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(["node", "broker.mjs", json.dumps(settings)], cwd=NODES, stdout=subprocess.PIPE,
                                            stderr=log, text=True)
        rig.children.append(self.process)
        assert self.process.stdout.readline() == "ready\n", open(self.log).read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def refused(self):
        with open(self.log) as f:
            return f.read()


class AedesRig(Rig):
    """check_cli's, with aedes in Mosquitto's place."""

    def __init__(self, **settings):
        self.settings, self.device_at = settings, None
        super().__init__()

    def start_broker(self):
        self.node = Node(self, self.port, **self.settings)
        os.environ["MQTT_USER"], os.environ["MQTT_PASSWORD"] = SERVER, PASSWORD
        self.hosts = f"127.0.0.1:{self.port}"

    def client(self, uuid, port=None):
        c = new_client("dev-" + uuid[:8])
        c.username_pw_set("infoscreen-client-" + uuid[:8], DEVICE_PASSWORD)
        c.connect("127.0.0.1", port or self.port)
        c.loop_start()
        return c

    def publish(self, topic, payload, retain=False, port=None):
        """As the device itself, whose rules it has."""
        uuid = topic.split("/")[1]
        c = self.client(uuid, port)
        if isinstance(payload, dict):
            payload = json.dumps(payload)
        c.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT)
        c.disconnect()
        c.loop_stop()

    def record(self, *extra):
        with open(os.path.join(self.dir, "record.log"), "a") as log:
            p = subprocess.Popen([PROGRAM, "record", "--set", f"broker.host={self.hosts}", "--db", self.db, *extra], stderr=log)
        self.children.append(p)
        return p

    def run(self, *args, broker=True):
        at = ["--set", f"broker.host={self.hosts}"] if broker else []
        return subprocess.run([PROGRAM, *args, *at, "--db", self.db, "--operator", "anna"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=90)

    def retained(self, topic, port=None):
        at = ["-h", "127.0.0.1", "-p", str(port or self.port), "-u", SERVER, "-P", PASSWORD]
        r = subprocess.run(["mosquitto_sub", *at, "-t", topic, "-W", "2", "--retained-only"], capture_output=True, text=True)
        return [line for line in r.stdout.splitlines() if line]


class AedesDevice(Device):
    def __init__(self, rig, uuid, answers, port=None):
        self.port = port or rig.port
        self.account = "infoscreen-client-" + uuid[:8]
        real = rig.port
        rig.port = self.port
        try:
            super().__init__(rig, uuid, answers, account=(self.account, DEVICE_PASSWORD))
        finally:
            rig.port = real


FAILED = {"event": "service_failed", "unit": "infoscreen-simclient.service", "client_uuid": LOBBY,
          "failed_at": "2026-04-05T08:00:00Z"}


class Base(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.rig = AedesRig(**self.settings)
        self.addCleanup(self.rig.stop)

    def client(self, uuid, right):
        return eventually(lambda: {c["uuid"]: c for c in self.rig.json("clients")["clients"]}.get(uuid) or {}, right, WAIT)

    def alarms(self, kind, right=bool):
        return eventually(lambda: [a for a in self.rig.json("alarms", "--all")["alarms"] if a["kind"] == kind], right, WAIT)

    def recording(self, *extra):
        p = self.rig.record(*extra)

        def up():
            self.rig.heartbeat(KITCHEN, hostname="kitchen-1", process_status="running")
            return [c for c in self.rig.json("clients")["clients"] if c["uuid"] == KITCHEN and c["state"] == "online"]
        self.assertTrue(eventually(up, bool, WAIT), self.rig.log())
        return p

    def send(self, *args, code=0):
        r = self.rig.run("send", *args, "-o", "json")
        self.assertEqual(r.returncode, code, (r.stdout, r.stderr))
        return json.loads(r.stdout)["commands"][0]


class OneNode(Base):
    def test_fleet_acknowledgement_and_clear(self):
        """What was stored before the start is seen, acknowledged, and cleared on the broker."""
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", FAILED, retain=True)
        self.recording()
        self.assertEqual(self.client(LOBBY, lambda c: c.get("service_failed"))["service_failed"]["unit"], FAILED["unit"])
        r = self.rig.run("ack", LOBBY, "--note", "on it")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.rig.retained("infoscreen/+/service_failed"), [])
        alarm, = self.alarms("service_failed", lambda a: a and a[0]["state"] == "normal")
        self.assertEqual((alarm["state"], alarm["acknowledged_by"]), ("normal", "anna"))

    def test_commands(self):
        self.recording()
        d = AedesDevice(self.rig, LOBBY, ALL)
        self.addCleanup(d.stop)
        c = self.send("restart_app", LOBBY, "--unknown", "--wait")
        self.assertEqual(c["status"], "completed")
        self.assertEqual([t for t, _ in eventually(lambda: d.seen, lambda s: len(s) == 2)], ["commands", "command"])

    def test_what_it_cannot_do(self):
        """Named by doctor with what it costs, and said once by whoever records."""
        self.recording()
        r = self.rig.run("doctor", "-o", "json")
        checks = {c["name"]: c for c in json.loads(r.stdout)["checks"]}
        for name, words in (("broker.mqtt5", "no MQTT 5"), ("broker.refusals", "hangs up"), ("broker.puback_reasons", "no reasons")):
            self.assertIn(words, checks[name]["actual"])
            self.assertTrue(checks[name]["ok"])
        r = self.rig.run("broker", "check")
        self.assertEqual(r.returncode, 0, r.stdout)
        for name in ("broker.retained", "broker.retained_wildcard", "broker.sessions"):
            self.assertEqual(checks[name]["actual"], "yes", name)
        eventually(self.rig.log, lambda s: "hangs up instead of refusing" in s, WAIT)
        self.assertEqual(self.rig.log().count("this broker: no MQTT 5, hangs up instead of refusing"), 1, self.rig.log())

    def test_acknowledgements_while_nobody_records(self):
        """The journal's session holds what devices acknowledge meanwhile."""
        p = self.recording()
        d = AedesDevice(self.rig, LOBBY, [])
        self.addCleanup(d.stop)
        c = self.send("restart_app", LOBBY, "--unknown")
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.rig.publish(f"infoscreen/{LOBBY}/commands/ack", {"command_id": c["command_id"], "status": "completed"})
        self.recording()
        done = eventually(lambda: self.rig.json("commands", c["command_id"])["commands"][0], lambda k: k["status"] == "completed", WAIT)
        self.assertEqual(done["status"], "completed")

    def test_the_screen(self):
        """The console itself: the fleet, what the broker cannot do, an acknowledgement."""
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", FAILED, retain=True)
        with Screen("--set", f"broker.host={self.rig.hosts}", "--db", self.rig.db, "--operator", "anna") as s:
            s.wait("SERVICE FAILED")
            s.wait("lobby-03", lambda: self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running"))
            s.type("8")
            s.wait("MQTT 3.1.1")
            s.wait("hangs up instead of refusing")
            s.type("1")
            s.wait("SERVICE FAILED")
            s.type("a")
            self.assertEqual(eventually(lambda: self.rig.retained("infoscreen/+/service_failed"), lambda r: not r, WAIT), [])


class Denied(Base):
    settings = {"deny": ["/commands"]}

    def test_a_refused_command_is_no_endless_loop(self):
        self.recording()
        began = time.monotonic()
        c = self.send("restart_app", KITCHEN, "--wait", code=1)
        self.assertEqual((c["status"], c["error_code"]), ("failed", "not_authorized"))
        self.assertLess(time.monotonic() - began, 60)
        refused = self.rig.node.refused().count("/commands\n")
        self.assertLessEqual(refused, 4)
        self.rig.heartbeat(KITCHEN, hostname="kitchen-2")
        self.assertEqual(self.client(KITCHEN, lambda k: k.get("hostname") == "kitchen-2")["hostname"], "kitchen-2")
        self.assertEqual(self.rig.node.refused().count("/commands\n"), refused)


class DeniedPresence(Base):
    settings = {"deny": [""]}  # everything, so its presence too

    def test_a_console_whose_presence_is_refused_works(self):
        """What it publishes at each connection must not end each connection."""
        presence = "infoscreen/console/presence/"
        self.recording()
        eventually(self.rig.node.refused, lambda s: s.count(presence) >= 2, WAIT)
        seen = self.rig.node.refused().count(presence)
        for i in range(3):
            self.rig.heartbeat(KITCHEN, hostname=f"kitchen-{i}")
            self.assertEqual(self.client(KITCHEN, lambda k: k.get("hostname") == f"kitchen-{i}")["hostname"], f"kitchen-{i}")
        self.assertLessEqual(seen, 4)


class HangsUp(Base):
    settings = {"hangUp": True}

    def test_subscriptions_that_end_the_connection_are_left_out(self):
        """$SYS is refused by hanging up: after two tries the console goes on without it."""
        self.recording()
        self.assertLessEqual(self.rig.node.refused().count("$SYS/broker/version"), 3, self.rig.node.refused())
        self.rig.heartbeat(KITCHEN, hostname="kitchen-2")
        self.assertEqual(self.client(KITCHEN, lambda k: k.get("hostname") == "kitchen-2")["hostname"], "kitchen-2")


class Cluster(unittest.TestCase):
    """Two nodes over a Redis; the console is given both."""

    def setUp(self):
        self.rig = ClusterRig()
        self.addCleanup(self.rig.stop)

    client, alarms, recording, send = Base.client, Base.alarms, Base.recording, Base.send

    def test_devices_on_the_other_node(self):
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", FAILED, retain=True, port=self.rig.other.port)
        self.recording()
        self.assertTrue(self.client(LOBBY, lambda c: c.get("service_failed"))["service_failed"])
        self.rig.publish(f"infoscreen/{LOBBY}/heartbeat", {"hostname": "lobby-03"}, port=self.rig.other.port)
        self.assertEqual(self.client(LOBBY, lambda c: c.get("hostname"))["hostname"], "lobby-03")
        r = self.rig.run("ack", LOBBY)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(self.rig.retained("infoscreen/+/service_failed", self.rig.other.port), [])
        d = AedesDevice(self.rig, LOBBY, ALL, port=self.rig.other.port)
        self.addCleanup(d.stop)
        self.assertEqual(self.send("restart_app", LOBBY, "--wait")["status"], "completed")

    def test_the_loss_of_the_node(self):
        """The console moves on; what was acknowledged in between is in its session on the other node."""
        self.recording()
        d = AedesDevice(self.rig, LOBBY, [], port=self.rig.other.port)
        self.addCleanup(d.stop)
        c = self.send("restart_app", LOBBY, "--unknown")
        self.rig.node.kill()
        self.rig.publish(f"infoscreen/{LOBBY}/commands/ack", {"command_id": c["command_id"], "status": "completed"},
                         port=self.rig.other.port)
        began = time.monotonic()
        self.rig.port = self.rig.other.port

        def beats():
            self.rig.heartbeat(KITCHEN, hostname="kitchen-moved", process_status="running")
            return {k["uuid"]: k for k in self.rig.json("clients")["clients"]}[KITCHEN]["hostname"] == "kitchen-moved"
        self.assertTrue(eventually(beats, bool, WAIT), self.rig.log())
        print(f"the other node took over within {time.monotonic() - began:.1f} s", flush=True)
        done = eventually(lambda: self.rig.json("commands", c["command_id"])["commands"][0], lambda k: k["status"] == "completed", WAIT)
        self.assertEqual(done["status"], "completed", self.rig.log())
        self.assertEqual([a for a in self.rig.json("alarms")["alarms"] if a["kind"] == "client_silent"], [])


class ClusterRig(AedesRig):
    def start_broker(self):
        self.settings = {"redis": self.start_redis()}
        super().start_broker()
        self.other = Node(self, free_port(), **self.settings)
        self.hosts = f"127.0.0.1:{self.port},127.0.0.1:{self.other.port}"

    def start_redis(self):
        """Another program may take the port between the question and the answer: then on another one."""
        for _ in range(5):
            port = free_port()
            redis = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                      "--dir", self.dir], stdout=subprocess.DEVNULL)
            self.children.append(redis)

            def answers():
                r = subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, text=True)
                return r.stdout == "PONG\n" and redis.poll() is None
            if eventually(lambda: answers() or redis.poll() is not None, bool, WAIT) and redis.poll() is None:
                return port
        raise AssertionError("no port for Redis")


if __name__ == "__main__":
    lacks = missing()
    if lacks:
        sys.exit("check_aedes: not run, since this is missing:\n" + "\n".join("  - " + what for what in lacks))
    install()
    unittest.main(verbosity=2)
