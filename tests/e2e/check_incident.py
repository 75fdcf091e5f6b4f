#!/usr/bin/python3
"""Incidents as the next shift reads them: the real program, a real Mosquitto, a recorder that is killed in the middle.

Run by tests/run.sh like check_cli.py, whose rig it uses.
"""
import datetime
import json
import signal
import unittest

from check_cli import ALARM_KEYS, COMMAND_KEYS, KITCHEN, LOBBY, Rig, eventually

INCIDENT_KEYS = {"id", "began_at", "ended_at", "summary", "alarms", "commands", "timeline", "time_to_acknowledge_s",
                 "time_to_recover_s"}
EVENT_KEYS = {"seq", "at", "kind", "client_uuid", "alarm_id", "command_id", "by", "summary"}


def moment(iso):
    return datetime.datetime.fromisoformat(iso.replace("Z", "+00:00"))


def seconds_between(a, b):
    return int((moment(b) - moment(a)).total_seconds())


class Incident(unittest.TestCase):
    def setUp(self):
        self.rig = Rig()
        self.addCleanup(self.rig.stop)

    def recording(self, *extra):
        p = self.rig.record("--set", "alarms.recovered_after=1s", *extra)

        def up():
            self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running")
            return any(c["state"] == "online" for c in self.rig.json("clients")["clients"])
        self.assertTrue(eventually(up, bool, 30), self.rig.log())
        return p

    def incidents(self):
        return self.rig.json("incident", "--since", "1h")["incidents"]

    def the_one(self, right, seconds=30):
        def only():
            found = self.incidents()
            return found[0] if len(found) == 1 else {"many": found}
        found = eventually(only, lambda i: "many" not in i and right(i), seconds)
        self.assertNotIn("many", found, self.rig.log())
        self.assertTrue(right(found), (found, self.rig.log()))
        return found

    def kinds(self, incident):
        return [e["kind"] for e in incident["timeline"]]

    def test_another_recorder_takes_over_in_the_middle(self):
        first = self.recording()
        second = self.rig.record("--set", "alarms.recovered_after=1s")
        self.assertTrue(eventually(lambda: self.rig.log().count("connected to") == 2, bool, 30), self.rig.log())
        self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="crashed")
        one = self.the_one(lambda i: i["alarms"])
        self.assertEqual((one["ended_at"], one["time_to_acknowledge_s"], one["time_to_recover_s"]), (None, None, None))
        began = one["id"], one["began_at"]
        first.send_signal(signal.SIGKILL)
        first.wait()
        self.the_one(lambda i: "recorder" in self.kinds(i))
        self.assertEqual(self.rig.run("ack", LOBBY, "--note", "on my way").returncode, 0)
        self.the_one(lambda i: i["time_to_acknowledge_s"] is not None)
        self.assertEqual(self.rig.run("send", "restart_app", LOBBY, "--reason", "it hung").returncode, 0)
        self.the_one(lambda i: len(i["commands"]) == 1)
        self.rig.heartbeat(LOBBY, hostname="lobby-03", process_status="running")
        one = self.the_one(lambda i: i["ended_at"])

        self.assertEqual((one["id"], one["began_at"]), began)
        self.assertEqual(set(one), INCIDENT_KEYS)
        alarm, = one["alarms"]
        command, = one["commands"]
        self.assertEqual(set(alarm), ALARM_KEYS)
        self.assertEqual(set(command), COMMAND_KEYS)
        self.assertEqual(alarm["acknowledged_by"], "anna")
        self.assertEqual(command["client_uuid"], LOBBY)
        self.assertTrue(all(set(e) == EVENT_KEYS for e in one["timeline"]))
        self.assertEqual([e["seq"] for e in one["timeline"]], sorted(e["seq"] for e in one["timeline"]))
        kinds = self.kinds(one)
        self.assertEqual((kinds.count("alarm_raised"), kinds.count("alarm_acknowledged")), (1, 1), kinds)
        at = {e["kind"]: e["at"] for e in one["timeline"]}
        self.assertEqual(one["began_at"], at["alarm_raised"])
        self.assertEqual(one["time_to_acknowledge_s"], seconds_between(one["began_at"], at["alarm_acknowledged"]))
        self.assertEqual(one["time_to_recover_s"], seconds_between(one["began_at"], one["ended_at"]))
        self.assertIn("lobby-03", one["summary"])

        second.terminate()
        second.wait()
        self.recording()  # and once more, from the database alone
        self.assertEqual(self.the_one(lambda i: True)["id"], began[0])
        self.report()

    def report(self):
        r = self.rig.run("incident", "-o", "md")
        self.assertEqual(r.returncode, 0, r.stderr)
        for words in ("# On-call report", "acknowledged by anna after", "restart_app", "(reason: it hung)", "on my way",
                      "## Hand-over"):
            self.assertIn(words, r.stdout)

    def test_nothing_of_it_is_lost_at_a_start(self):
        """What the broker had waiting comes with the first breath of a recorder; what was done while nobody recorded, too."""
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", {"event": "service_failed", "unit": "app.service", "client_uuid": LOBBY,
                                                                "failed_at": "2026-04-05T08:00:00Z"}, retain=True)
        p = self.rig.record()
        first = self.the_one(lambda i: "alarm_raised" in self.kinds(i))
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.assertEqual(self.rig.run("ack", LOBBY).returncode, 0)
        self.rig.record()
        one = self.the_one(lambda i: i["ended_at"])
        self.assertEqual((one["id"], one["began_at"]), (first["id"], first["began_at"]))
        self.assertIsNotNone(one["time_to_acknowledge_s"])
        self.assertEqual(self.kinds(one).count("alarm_raised"), 1)

    def test_a_device_cannot_write_markdown(self):
        self.recording()
        evil = "](http://x)|<b>`*_#![a]\x1b[31m\u202e"
        self.rig.publish(f"infoscreen/{LOBBY}/logs/error", {"message": "``` @all " + evil})
        self.rig.publish(f"infoscreen/{LOBBY}/service_failed", {"event": "service_failed", "unit": evil, "client_uuid": LOBBY,
                                                                 "failed_at": "2026-04-05T08:00:00Z"}, retain=True)
        self.rig.heartbeat(KITCHEN, hostname=evil, process_status="crashed")
        eventually(self.incidents, lambda found: len(found) == 2, 30)
        eventually(lambda: self.rig.json("logs")["logs"], bool, 30)
        text = self.rig.run("incident", "-o", "md").stdout
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)
        self.assertIn("\\](http\\://x)", text)
        for line in text.splitlines():
            if "Logged" not in line and "`" not in line:
                self.assertNotIn("<b>", line.replace("\\<b\\>", ""))
        logged, = [line for line in text.splitlines() if "@all" in line]
        self.assertIn("```` ``` @all ", logged)
        rows = [line for line in text.splitlines() if line.startswith("| 2")]
        self.assertEqual({line.replace("\\|", "").count("|") for line in rows}, {8}, rows)

    def test_usage(self):
        r = self.rig.run("clients", "-o", "md")
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("incident", r.stderr)
        r = self.rig.run("incident", "--since", "yesteryear")
        self.assertEqual(r.returncode, 2, r.stderr)
        r = self.rig.run("incident", "-o", "json")
        self.assertEqual((r.returncode, json.loads(r.stdout)), (0, {"incidents": []}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
