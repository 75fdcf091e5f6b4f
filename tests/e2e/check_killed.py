#!/usr/bin/python3
"""kill -9 at every effect boundary of a command's life: none is lost, none is carried out twice.

`send`, rollouts and the recorder are killed by strace as they enter their n-th write to the database, sync, or write to the broker, for
every n; in between the broker is stopped and killed and the disk is full. In the end everything that is in the database must have come
to its end, each at its device once, and nothing may have been carried out that is not in the database.
Run by make check-long; BUILD names the build folder, KILLS how often.
"""
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_cli  # noqa: E402
from check_cli import PROGRAM, eventually  # noqa: E402

KILLS = int(os.environ.get("KILLS", "500"))
DEVICES = 12
MEMBERS = 3
BOUNDARIES = ("pwrite64", "fdatasync", "write")
EXPIRES_S = 60


class Rig(check_cli.Rig):
    """The broker keeps what it took; the database lies on a small disk of its own, so that it can be full."""

    def start_broker(self):
        if not hasattr(self, "disk"):
            self.disk = os.path.join(self.dir, "disk")
            os.mkdir(self.disk)
            self.full = os.getuid() == 0 and subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", self.disk], stderr=subprocess.DEVNULL).returncode == 0
            self.db = os.path.join(self.disk, "history.db")
            with open(os.path.join(self.dir, "m.conf"), "a") as f:
                f.write("autosave_on_changes true\nautosave_interval 1\n")
        super().start_broker()

    def fill(self):
        try:
            with open(os.path.join(self.disk, "ballast"), "wb", 0) as f:
                while f.write(bytes(65536)):
                    pass
        except OSError:
            pass

    def free(self):
        os.unlink(os.path.join(self.disk, "ballast"))

    def stop(self):
        if self.full:
            subprocess.run(["umount", "-l", self.disk])
        super().stop()


class Device:
    """Carries each command out once and says so; its session outlives its connections."""

    def __init__(self, rig, k):
        self.uuid, self.executed, self.heard = f"{k:08x}-1111-4111-8111-111111111111", {}, 0
        self.client = check_cli.mqtt.Client(f"dev-{k}", clean_session=False)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self.on_connect
        self.client.on_message = self.on_message
        self.subscribed = threading.Event()
        self.client.on_subscribe = lambda *a: self.subscribed.set()
        self.client.connect("127.0.0.1", rig.port)
        self.client.loop_start()
        assert self.subscribed.wait(20)

    def on_connect(self, client, *rest):
        client.subscribe([(f"infoscreen/{self.uuid}/commands", 1), (f"infoscreen/{self.uuid}/command", 1)])

    def on_message(self, client, user, message):
        command = json.loads(message.payload)
        self.heard += 1
        if command["command_id"] in self.executed:
            return
        self.executed[command["command_id"]] = time.time()
        for status in ("accepted", "execution_started", "completed"):
            for topic in ("commands/ack", "command/ack"):
                client.publish(f"infoscreen/{self.uuid}/{topic}", json.dumps({"command_id": command["command_id"], "status": status}),
                               qos=1)


def killed_at(call, n, argv, **more):
    """The program, killed as it enters its n-th such call."""
    return subprocess.Popen(["strace", "-f", "-qqq", "-o", "/dev/null", "--seccomp-bpf", "-e", f"trace={call}", "-e",
                             f"inject={call}:signal=KILL:when={n}", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def kill_traced(p):
    if p.poll() is not None:
        return
    with open(f"/proc/{p.pid}/task/{p.pid}/children") as f:
        for child in f.read().split():
            os.kill(int(child), signal.SIGKILL)
    p.wait(20)


class Boundaries:
    """Walks through all calls of a run, kind by kind; one that was not reached ends its kind, which begins anew."""

    def __init__(self):
        self.at = dict.fromkeys(BOUNDARIES, 0)
        self.turn = self.rounds = 0

    def next(self):
        call = BOUNDARIES[self.turn % len(BOUNDARIES)]
        self.turn += 1
        self.at[call] += 1
        return call, self.at[call]

    def is_through(self, call):
        self.at[call] = 0
        self.rounds += 1


class Test:
    def __init__(self):
        self.rig = Rig()
        self.dice = random.Random(int(os.environ.get("SEED", "7")))
        self.devices = [Device(self.rig, k) for k in range(DEVICES)]
        self.kills = {"send": 0, "rollout": 0, "recorder": 0}
        self.faults = {"stopped": 0, "killed": 0, "full": 0}
        self.walks = {kind: Boundaries() for kind in self.kills}
        self.broker_kills, self.recorder, self.turn = [], None, 0

    # ---- what is killed ----

    def at(self):
        return ["-h", "127.0.0.1", "-p", str(self.rig.port), "--db", self.rig.db]

    def send(self, *targets):
        uuids = [self.devices[k % DEVICES].uuid for k in targets]
        return [PROGRAM, "send", "restart_app", *uuids, "--unknown", "--yes", "--override-lockout", "--reason", "kill test",
                "--operator", "anna", "--expires", f"{EXPIRES_S}s", *self.at()]

    def send_one(self, k):
        subprocess.run(self.send(k), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=40)

    def kill_one(self, kind, argv):
        walk = self.walks[kind]
        call, n = walk.next()
        p = killed_at(call, n, argv)
        try:
            code = p.wait(40)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{kind} hangs: {argv}")
        if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
            self.kills[kind] += 1
        else:
            walk.is_through(call)

    def rollout(self):
        return [*self.send(*range(self.turn, self.turn + MEMBERS)), "--parallel", "1"]

    def kill_send(self):
        self.kill_one("send", self.send(self.turn))

    def kill_rollout(self):
        self.kill_one("rollout", self.rollout())

    def kill_recorder(self):
        """It is killed at one of its own boundaries while commands come, or a little later."""
        self.recorder.kill()
        self.recorder.wait()
        call, n = self.walks["recorder"].next()
        p = killed_at(call, n, [PROGRAM, "record", *self.at()])
        until = time.monotonic() + 1.5
        while p.poll() is None and time.monotonic() < until:
            self.send_one(self.turn + 5)
        kill_traced(p)
        self.kills["recorder"] += 1
        self.kills["recorder"] += 1
        self.recorder = self.rig.record()

    # ---- what happens in between ----

    def stop_broker(self, during):
        self.rig.broker.send_signal(signal.SIGSTOP)
        t = threading.Timer(1.5, self.rig.broker.send_signal, [signal.SIGCONT])
        t.start()
        during()
        t.join()
        self.faults["stopped"] += 1

    def kill_broker(self, during):
        self.broker_kills.append(time.time())
        self.rig.broker.kill()
        self.rig.broker.wait()
        t = threading.Timer(1, self.rig.start_broker)
        t.start()
        during()
        t.join()
        self.faults["killed"] += 1

    def fill_disk(self, during):
        if not self.rig.full:
            return during()
        self.rig.fill()
        t = threading.Timer(1.5, self.rig.free)
        t.start()
        during()
        t.join()
        self.faults["full"] += 1

    def run(self):
        self.recorder = self.rig.record()
        assert eventually(lambda: "connected" in self.rig.log(), bool, 20)
        ways = [self.kill_send, self.kill_rollout, self.kill_send, self.kill_rollout, self.kill_recorder]
        faults = {17: self.stop_broker, 29: self.fill_disk, 43: self.kill_broker}
        while sum(self.kills.values()) < KILLS:
            self.turn += 1
            way = ways[self.turn % len(ways)]
            fault = next((faults[k] for k in faults if self.turn % k == 0), None)
            fault(way) if fault else way()
            if self.turn % 50 == 0:
                print(f"{time.strftime('%X')} {self.kills} {self.faults}", file=sys.stderr, flush=True)

    # ---- what must hold ----

    def stored(self):
        return {c["command_id"]: c for c in self.rig.json("commands")["commands"]}

    def settle(self):
        ended = lambda cs: all(c["status"] in ("completed", "failed", "expired", "cancelled", "blocked") for c in cs.values())
        return eventually(self.stored, ended, EXPIRES_S + 60)

    def was_lost_by_the_broker(self, c):
        at = c["published_at"] and time.mktime(time.strptime(c["published_at"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        return at and any(-3 < at - t < 3 for t in self.broker_kills)

    def judge(self):
        commands = self.settle()
        executed = {i: d.uuid for d in self.devices for i in d.executed}
        faults = [f"carried out but not in the database: {i}" for i in executed if i not in commands]
        for i, c in commands.items():
            if c["status"] not in ("completed", "expired", "cancelled"):
                faults.append(f"{i} did not end: {c['status']}")
            if (c["status"] == "completed") != (i in executed) or (i in executed and executed[i] != c["client_uuid"]):
                faults.append(f"{i} is {c['status']}, the device says {i in executed}")
            if c["status"] == "expired" and not self.was_lost_by_the_broker(c):
                faults.append(f"lost: {i} {c['error_code']} {c['issued_at']} {c['published_at']}")
            acks = [(a["status"], a["topic"]) for a in c["acks"]]
            if len(acks) != len(set(acks)):
                faults.append(f"{i} has acknowledgements twice")
        members = [(c["rollout_id"], c["client_uuid"]) for c in commands.values() if c["rollout_id"]]
        faults += [f"twice to one client in one rollout: {m}" for m in set(members) if members.count(m) > 1]
        rollouts = {r: sum(m[0] == r for m in members) for r, _ in members}
        faults += [f"rollout {r} has {n} of {MEMBERS} members" for r, n in rollouts.items() if n != MEMBERS]
        with sqlite3.connect(self.rig.db) as db:
            running = db.execute("SELECT rollout_id, state FROM rollout WHERE state IN('running','stopping')").fetchall()
            waiting = eventually(lambda: db.execute("SELECT topic FROM outbox").fetchall(), lambda r: not r, 20)
        faults += [f"rollout goes on: {r}" for r in running] + [f"in the outbox: {r}" for r in waiting]
        ends = {s: sum(c["status"] == s for c in commands.values()) for s in ("completed", "expired", "cancelled")}
        print(f"kills {self.kills}, faults {self.faults}, {len(commands)} commands of {len(rollouts)} rollouts and more: {ends}; "
              f"{len(executed)} carried out, {sum(d.heard for d in self.devices)} heard")
        return faults

    def stop(self):
        for d in self.devices:
            d.client.loop_stop()
        self.rig.stop()


def main():
    test = Test()
    try:
        test.run()
        faults = test.judge()
        for f in faults[:20]:
            print(f)
        print("1 passed, 0 failed" if not faults else f"0 passed, 1 failed ({len(faults)} faults)")
        sys.exit(0 if not faults else 1)
    finally:
        test.stop()


if __name__ == "__main__":
    main()
