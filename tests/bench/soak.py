#!/usr/bin/env python3
"""An hour (SOAK_SECONDS) of the console at 1,000 messages a second, with faults: resident memory must stay flat.

soak.py BUILD. The broker is killed and started again every ten minutes; memory is compared between the end of the first sixth
and the end of the run. Exit code 1 if it grew by more than 5 % and 2 MiB, or if the console ended.
"""
import os
import subprocess
import sys
import time

import bench

SECONDS = int(os.environ.get("SOAK_SECONDS", "3600"))
STEP = max(5, SECONDS // 60)


def publish_some(broker, n):
    """A log line and a crash that comes and goes: history that grows, alarms that end."""
    for status in ("crashed", "running"):
        uuid = f"{n % 50:08x}-0000-4000-8000-00000000000a"
        subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-t", f"infoscreen/{uuid}/heartbeat", "-m",
                        f'{{"hostname":"soak-{n % 50}","process_status":"{status}"}}'], stderr=subprocess.DEVNULL)


def main():
    samples = []
    with bench.Broker() as b:
        conf = os.path.join(b.dir, "mosquitto.conf")
        t = bench.console(b)
        fleet = bench.load(b, 1000, 1000, SECONDS + 60)
        began = time.monotonic()
        restarts = 0
        while time.monotonic() - began < SECONDS:
            time.sleep(STEP)
            publish_some(b, len(samples))
            if not os.path.exists(f"/proc/{t.pid}/status") or bench.rss_kib(t.pid) == 0:
                raise SystemExit("the console has ended")
            samples.append(bench.rss_kib(t.pid))
            print(f"{time.monotonic() - began:6.0f} s  {samples[-1]} KiB  fds {len(os.listdir(f'/proc/{t.pid}/fd'))}  "
                  f"terminal {t.bytes} B", flush=True)
            if (time.monotonic() - began) // 600 > restarts:
                restarts += 1
                fleet.terminate()
                fleet.wait()
                b.process.kill()
                b.process.wait()
                b.process = subprocess.Popen([bench.shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"),
                                              "-c", conf], stderr=subprocess.DEVNULL)
                b.wait()
                fleet = bench.load(b, 1000, 1000, SECONDS + 60)
        fleet.terminate()
        fleet.wait()
        t.end()
    settled, last = samples[len(samples) // 6], samples[-1]
    print(f"after a sixth {settled} KiB, at the end {last} KiB, {restarts} broker kills")
    sys.exit(1 if last > settled * 1.05 and last > settled + 2048 else 0)


if __name__ == "__main__":
    main()
