#!/usr/bin/env python3
"""An hour (SOAK_SECONDS) of the console on the demo's fleet at 1,000 messages a second, with faults: memory must stay flat.

soak.py BUILD. The fleet is the demo's: 1,000 devices with accounts of their own on a hardened broker. That broker is killed
every ten minutes, devices crash, give up, hang and lose their network. Resident memory is compared between the end of the
first quarter, when the first kill has made every device's record of reconnects, and the end of the run. Exit code 1 if it
grew by more than 5 % and 2 MiB, if descriptors grew, or if the console ended. Flapping is watched over five minutes only:
over an hour the kills themselves would be a thousand devices that flap.
"""
import os
import subprocess
import sys
import tempfile
import time

import bench

SECONDS = int(os.environ.get("SOAK_SECONDS", "3600"))
STEP = max(5, SECONDS // 60)
CLIENTS = 1000
BEAT_S = 1.5  # a heartbeat, and every other time a health report: 1,000 messages a second
KILL_EVERY = max(20, min(600, SECONDS // 6))


def script():
    """Faults that come and go all along, so that alarms rise and end and history grows."""
    lines = []
    for at in range(10, SECONDS + 60, 30):
        k = at // 30
        lines.append(f"at {at}s crash kitchen-{k % 3 + 1} for 20s")
        lines.append(f"at {at + 2}s log lobby-0{k % 3 + 1} error decoder restarted")
        lines.append(f"at {at + 4}s mismatch foyer-{k % 3 + 1} for 15s")
        if k % 4 == 0:
            lines.append(f"at {at + 6}s give-up gate-{k % 3 + 1} infoscreen-simclient.service")
            lines.append(f"at {at + 8}s cut hall-{k % 3 + 1} for 25s")
    lines += [f"at {at}s broker kill for 5s" for at in range(KILL_EVERY, SECONDS, KILL_EVERY)]
    lines.sort(key=lambda line: int(line.split()[1][:-1]))
    return "\n".join(lines) + "\n"


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def watch(t):
    samples = []
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        time.sleep(STEP)
        if not os.path.exists(f"/proc/{t.pid}/status") or bench.rss_kib(t.pid) == 0:
            raise SystemExit("the console has ended")
        samples.append((bench.rss_kib(t.pid), descriptors(t.pid)))
        cpu = bench.cpu_ns(t.pid) / 1e9 / (time.monotonic() - began) * 100
        print(f"{time.monotonic() - began:6.0f} s  {samples[-1][0]} KiB  fds {samples[-1][1]}  "
              f"terminal {t.bytes} B  processor {cpu:.1f} %", flush=True)
    return samples


def main():
    with tempfile.TemporaryDirectory(prefix="infoscreen-soak-") as place:
        story = os.path.join(place, "story.txt")
        with open(story, "w") as f:
            f.write(script())
        fleet = subprocess.Popen([os.path.join(bench.BUILD, "bench", "fleet"), str(CLIENTS), str(BEAT_S), story],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = fleet.stdout.readline().split()
        if len(line) != 3:
            raise SystemExit("the fleet did not start")
        port, user, os.environ["MQTT_PASSWORD"] = line
        db = os.path.join(place, "history.db")
        t = bench.Terminal([bench.PROGRAM, "-h", "127.0.0.1", "-p", port, "-u", user, "--db", db, "--set",
                            "alarms.flap_window=5m"])
        try:
            samples = watch(t)
        finally:
            t.end()
            fleet.stdin.close()
            fleet.wait()
        size = os.path.getsize(db) / 2**20
    (settled, fds), (last, last_fds) = samples[len(samples) // 4], samples[-1]
    kills = max(0, (SECONDS - 1) // KILL_EVERY)
    print(f"after a quarter {settled} KiB, at the end {last} KiB; descriptors {fds}, {last_fds}; history {size:.1f} MiB; "
          f"{kills} broker kills")
    sys.exit(1 if (last > settled * 1.05 and last > settled + 2048) or last_fds > fds + 4 else 0)


if __name__ == "__main__":
    main()
