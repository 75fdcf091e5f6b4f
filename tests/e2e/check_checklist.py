#!/usr/bin/python3
"""docs/restart-validation-checklist.md, step by step: each command is run after a restart of the kind that its
section is about, and its output must show what the page says. Run from the top of the tree by tests/run.sh.
"""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from check_cli import KITCHEN, LOBBY, PROGRAM, eventually, new_client
from port import answers, free_port

PAGE = "docs/restart-validation-checklist.md"


def steps():
    """(section, step, command, what it must show) for each row of the page's tables."""
    section = ""
    for line in open(PAGE, encoding="utf8"):
        if line.startswith("## "):
            section = line[3:].strip()
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and re.match(r"\d", cells[0]):
            yield section, cells[0], cells[1].strip("`"), cells[2]


class Scene:
    """A hardened broker, a recorder on it, a device that beats and one whose unit failed."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="infoscreen-checklist-")
        os.chmod(self.dir, 0o711)
        self.db = os.path.join(self.dir, "history.db")
        self.path = os.path.join(self.dir, "broker")
        self.console, self.device_port = free_port(), free_port()
        os.environ.update(MQTT_HOST="127.0.0.1", MQTT_PORT=str(self.console), MQTT_USER="infoscreen-server", INFOSCREEN_DB=self.db)
        made = self.provision("init", "--listen", f"127.0.0.1:{self.console}", "--device-listen", f"127.0.0.1:{self.device_port}")
        os.environ["MQTT_PASSWORD"] = made["password"]
        accounts = [self.provision("add", uuid) for uuid in (LOBBY, KITCHEN)]
        os.environ["MQTT_DEVICE_PASSWORD"] = accounts[0]["password"]
        self.silent = threading.Event()
        self.start()
        self.recorder = self.start_recorder()
        self.devices = [threading.Thread(target=self.play_device, args=a, daemon=True) for a in zip(accounts, (False, True))]
        for d in self.devices:
            d.start()
        eventually(lambda: self.out("clients"), lambda text: "online" in text and "service failed" in text, 30)

    def stop_broker(self):
        self.broker.send_signal(signal.SIGTERM)
        self.broker.wait()

    def provision(self, verb, *words):
        done = subprocess.run([PROGRAM, "broker", verb, *words, "--dir", self.path, "-o", "json"], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)["accounts"][0]

    def start(self):
        path = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"])
        self.broker = subprocess.Popen(["mosquitto", "-c", f"{self.path}/mosquitto.conf"], stderr=subprocess.DEVNULL,
                                       env={**os.environ, "PATH": path})
        assert eventually(lambda: answers(self.console), bool, 30)

    def start_recorder(self):
        return subprocess.Popen([PROGRAM, "record"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def play_device(self, account, fails):
        """Connects again by itself."""
        uuid = account["client_uuid"]
        client = new_client("device")
        client.username_pw_set(account["username"], account["password"])
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", self.device_port)
        client.loop_start()
        if fails:
            client.publish(f"infoscreen/{uuid}/service_failed", json.dumps(
                {"event": "service_failed", "unit": "x.service", "client_uuid": uuid, "failed_at": "2026-04-05T08:00:00Z"}), 1, True)
        while not self.silent.wait(0.2):
            if not fails:
                client.publish(f"infoscreen/{uuid}/heartbeat", json.dumps({"process_status": "running", "current_process": "cdu"}))
        client.loop_stop()

    def out(self, *words):
        return subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def restart_broker(self):
        self.stop_broker()
        self.start()
        eventually(lambda: self.out("history", "-o", "json"), lambda t: t.count("link_up") > 1, 30)

    def restart_recorder(self):
        self.recorder.kill()
        self.recorder.wait()
        self.recorder = self.start_recorder()
        eventually(lambda: self.out("doctor"), lambda t: "a recorder is running" in t, 30)

    def end(self):
        self.silent.set()
        self.recorder.terminate()
        self.recorder.wait()
        self.stop_broker()
        shutil.rmtree(self.dir, ignore_errors=True)


def shows(output, must):
    """What of the words in the cell is missing, or there though it must not be."""
    wrong = []
    for negated, word in re.findall(r"(no )?`([^`]+)`", must):
        lines = [line for line in output.splitlines() if word in line]
        if negated:
            wrong += [f"no {word}"] if lines else []
        elif not lines or (word.startswith("broker.") and not any(" ok " in line for line in lines)):
            wrong.append(word)
    return wrong


def run_step(scene, command, must, seen):
    """Several steps look at the output of one command: it is run again only where something is missing."""
    command = re.sub(r"--live \d+s", "--live 3s", command).replace("--dir D", f"--dir {scene.path}").replace("UUID", LOBBY)
    words = shlex.split(command)

    def judge():
        code, output = seen[command]
        return output, ([f"exit {code}"] if "exit 0" in must and code else []) + shows(output, must)

    def ask():
        done = subprocess.run([PROGRAM, *words[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        seen[command] = done.returncode, done.stdout
        return judge()

    if command in seen and not judge()[1]:
        return judge()
    return eventually(ask, lambda answer: not answer[1], 20)


def main():
    scene = Scene()
    happens = {"The broker was restarted": scene.restart_broker, "The recorder was restarted": scene.restart_recorder,
               "A device was restarted": lambda: None, "Accounts were changed": lambda: None}
    done = failed = 0
    current, seen = None, {}
    try:
        for section, step, command, must in steps():
            if section != current:
                happens[section]()
                current, seen = section, {}
            if not command.startswith("infoscreen-tui"):
                continue
            output, wrong = run_step(scene, command, must, seen)
            done += 1
            if wrong:
                failed += 1
                print(f"{section} {step}: {command}: {', '.join(wrong)}\n{output}")
    finally:
        scene.end()
    print(f"{done - failed} passed, {failed} failed")
    sys.exit(1 if failed or done < 15 else 0)


if __name__ == "__main__":
    main()
