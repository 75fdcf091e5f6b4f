#!/usr/bin/python3
"""What the screen tells of the real Mosquitto: two processes with one client id, as a copied database makes them; an audit.

Run by tests/run.sh like check_cli.py, whose rig it uses.
"""
import os
import shutil
import time
import unittest
from unittest import mock

from check_cli import LOBBY, Rig, eventually
from screen import Screen

WAIT = 30


class Broker(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)

    def test_a_copied_database(self):
        p = self.rig.record()

        def up():
            self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running")
            return self.rig.json("clients")["clients"]
        self.assertTrue(eventually(up, bool, WAIT), self.rig.log())
        p.terminate()
        p.wait()
        copy = os.path.join(self.rig.dir, "copy.db")
        for end in ("", ".session"):
            shutil.copy(self.rig.db + end, copy + end)
        with open(self.rig.db + ".session") as f:
            client_id = f.read().strip()
        self.rig.record()
        with Screen("-h", "127.0.0.1", "-p", str(self.rig.port), "--db", copy) as s:
            s.wait("TWO PROGRAMS USE THE CLIENT ID " + client_id[:40])
            s.wait("lobby-03")  # and what `live` brings goes on
        self.assertIn(client_id, eventually(self.rig.log, lambda log: "two programs use the client id" in log, WAIT))

    def test_two_consoles_are_no_contest(self):
        with Screen("-h", "127.0.0.1", "-p", str(self.rig.port), "--db", self.rig.db) as one:
            one.wait("recorder ●")
            with Screen("-h", "127.0.0.1", "-p", str(self.rig.port), "--db", self.rig.db + "2") as two:
                for s in (one, two):
                    s.wait("lobby-03", lambda: self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running"))
                    s.type("8")
                    s.wait("nothing is missing")
                    self.assertNotIn("TWO PROGRAMS", s.text)

    def test_an_audit(self):
        """It ends, names what is wrong, and the screen goes on meanwhile; quitting doesn't wait for it."""
        args = ("-h", "127.0.0.1", "-p", str(self.rig.port), "--db", self.rig.db)
        with Screen(*args) as s:
            s.wait("lobby-03", lambda: self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running"))
            s.type("c")
            s.wait("broker.anonymous")
            s.wait("FAULT")
            s.type("c")
            began = time.monotonic()
        self.assertLess(time.monotonic() - began, 5)

    def test_an_audit_is_no_mistake(self):
        """On a broker that lets everything by, all that was tried comes back."""
        args = ("-h", "127.0.0.1", "-p", str(self.rig.port), "-u", "infoscreen-server", "--db", self.rig.db)
        with mock.patch.dict(os.environ, MQTT_PASSWORD="none"), Screen(*args) as s:
            s.wait("lobby-03", lambda: self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running"))
            s.type("8")
            s.wait("0 rejected since the start")
            s.type("c")
            s.wait("broker.server_rows")
            self.rig.device.publish("infoscreen/lobby/heartbeat", "{}")  # behind all that was tried
            s.wait("the topic names no")
            s.type("1")
            s.wait("CLIENTS")
            s.type("8")
            s.wait("1 rejected since the start")


if __name__ == "__main__":
    unittest.main(verbosity=2)
