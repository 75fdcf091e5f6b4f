#!/usr/bin/python3
"""Writes day.log: a day of four screens as mosquitto_sub -F '%U %r %t %p' would have recorded it (time, retain, topic, payload).

A log of your own can be put beside it: every *.log here is run through the core by tests/core/test_logs.c; GOLDEN_UPDATE=1
writes what came of it into *.json, to be looked through and committed."""
import json
import random

START = 1775347200  # 2026-04-05T00:00:00Z
SCREENS = {"lobby": "9b8d1856-ff34-4864-a726-12de072d0f77", "kitchen": "41aa03c2-1111-4111-8111-111111111111",
           "hall": "77c0ffee-2222-4222-8222-222222222222", "foyer": "0f0e7e41-3333-4333-8333-333333333333"}
COMMAND = "07aab032-53c2-45ef-a5a3-6aa58e9d9fae"
dice = random.Random(5)
lines = []


def at(clock):
    hours, minutes, seconds = (int(x) for x in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def say(second, topic, payload, retain=0):
    text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
    lines.append((round(second + dice.uniform(0, 0.9), 3), f"{retain} {topic} {text}"))


def beat(second, name, **more):
    say(second, f"infoscreen/{SCREENS[name]}/heartbeat", {"hostname": name, "process_status": "running", "current_process":
                                                           "display_manager", **more})


def health(second, name, reconnects):
    say(second, f"infoscreen/{SCREENS[name]}/health", {"broker_connection": {"broker_reachable": True, "reconnect_count": reconnects}})


def crashed(second):
    return at("3:12:00") <= second < at("3:50:00")


for name, uuid in SCREENS.items():
    say(1, f"infoscreen/{uuid}/group_id", "vienna-1" if name != "foyer" else "graz", 1)
for second in range(10, 86400, 300):
    for name in SCREENS:
        if name == "foyer" and at("7:00:00") <= second < at("7:40:00"):
            continue  # its plug is pulled
        beat(second + dice.randrange(30), name, **({"process_status": "crashed"} if name == "hall" and crashed(second) else {}))
for hour in range(24):
    for name in SCREENS:
        health(hour * 3600 + 400, name, 6 if name == "hall" and 9 <= hour < 12 else 0)
for i in range(7):  # loses its broker again and again, and restarts at noon: its count begins anew
    health(at("8:40:00") + i * 120, "hall", i)
failed = {"event": "service_failed", "unit": "infoscreen-simclient.service", "client_uuid": SCREENS["kitchen"]}
topic = f"infoscreen/{SCREENS['kitchen']}/service_failed"
say(at("4:30:00"), topic, {**failed, "failed_at": "2026-04-05T04:29:58Z"}, 1)
say(at("5:10:00"), topic, "", 1)
for clock in ("21:00:00", "21:30:00"):  # a clock that begins in 1970: twice the same words, two failures
    say(at(clock), topic, {**failed, "failed_at": "1970-01-01T00:00:12Z"}, 1)
    say(at(clock) + 600, topic, "", 1)
for i in range(8):  # comes and goes within seconds
    beat(at("18:00:00") + i * 20, "lobby", process_status="crashed")
    beat(at("18:00:00") + i * 20 + 10, "lobby")
say(at("20:00:00"), f"infoscreen/{SCREENS['foyer']}/commands", {
    "schema_version": "1.0", "command_id": COMMAND, "client_uuid": SCREENS["foyer"], "action": "reboot_host",
    "issued_at": "2026-04-05T20:00:00Z", "expires_at": "2026-04-05T20:04:00Z", "requested_by": "berta", "reason": "black"})
for i, status in enumerate(("accepted", "execution_started", "failed")):
    for where in ("commands", "command"):
        say(at("20:00:02") + i, f"infoscreen/{SCREENS['foyer']}/{where}/ack", {
            "command_id": COMMAND, "status": status, "error_code": "helper_failed" if status == "failed" else None,
            "error_message": "no permission" if status == "failed" else None})
say(at("22:00:00"), f"infoscreen/{SCREENS['hall']}/heartbeat", '{"hostname":')
say(at("22:00:01"), "infoscreen/console/ack/process_crashed-0123456789abcdef", {"alarm_id": "forged", "raised_at": "x"}, 1)
with open(__file__.replace(".py", ".log"), "w") as f:
    for second, rest in sorted(lines):
        f.write(f"{START + second:.3f} {rest}\n")
