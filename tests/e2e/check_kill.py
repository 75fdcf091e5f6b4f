#!/usr/bin/python3
"""kill -9 at any moment: no message that the broker was told we took is missing afterwards.

Devices acknowledge commands at QoS 1 all the while the recorder is killed and started again, KILLS times. The broker keeps what the
recorder's session has not confirmed; so in the end every single acknowledgement must be in the database, once.
Run by make check-long; BUILD names the build folder.
"""
import os
import random
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_cli  # noqa: E402

KILLS = int(os.environ.get("KILLS", "60"))
SEED = int(os.environ.get("SEED", "7"))
# Of seven messages each. All of them fit into the broker's queue (100,000): what that drops nobody can keep.
COMMANDS_A_KILL = 90000 // 7 // KILLS


def send_command(rig, client, command):
    rig.publish(f"infoscreen/{client}/commands", {
        "schema_version": "1.0", "command_id": command, "client_uuid": client, "action": "restart_app",
        "issued_at": "2026-11-25T00:00:00Z", "expires_at": "2036-04-05T08:04:00Z", "requested_by": "berta", "reason": "kill test"})


def acknowledge(rig, client, command, status, topic):
    rig.publish(f"infoscreen/{client}/{topic}/ack", {"command_id": command, "status": status, "error_code": None,
                                                     "error_message": None})


def main():
    dice = random.Random(SEED)
    rig = check_cli.Rig()
    sent = {}
    try:
        recorder = rig.record()
        check_cli.eventually(lambda: "connected" in rig.log(), bool, 20)
        for kill in range(KILLS):
            began, length = time.monotonic(), dice.uniform(0.05, 0.9)
            for k in range(COMMANDS_A_KILL):
                client, command = str(uuid.UUID(int=dice.getrandbits(128))), str(uuid.UUID(int=dice.getrandbits(128)))
                send_command(rig, client, command)
                sent[command] = set()
                for status in ("accepted", "execution_started", "completed"):
                    for topic in ("commands", "command"):
                        acknowledge(rig, client, command, status, topic)
                        sent[command].add((status, f"{topic}/ack"))
                time.sleep(max(0, began + length * (k + 1) / COMMANDS_A_KILL - time.monotonic()))
            recorder.kill()
            recorder.wait()
            recorder = rig.record()
        ids = sorted(sent)

        def missing():
            found = {c["command_id"]: [(a["status"], a["topic"]) for a in c["acks"]] for c in rig.json("commands")["commands"]}
            lost = sum(len(sent[i] - {(s, "/".join(t.split("/")[-2:])) for s, t in found.get(i, [])}) for i in ids)
            doubled = sum(len(f) - len(set(f)) for f in found.values())
            return lost, doubled

        result = check_cli.eventually(missing, lambda r: r == (0, 0), 60)
        total = sum(len(s) for s in sent.values())
        print(f"{KILLS} kills, {len(ids)} commands, {total} acknowledgements: lost {result[0]}, doubled {result[1]}")
        print("1 passed, 0 failed" if result == (0, 0) else "0 passed, 1 failed")
        sys.exit(0 if result == (0, 0) else 1)
    finally:
        rig.stop()


if __name__ == "__main__":
    main()
