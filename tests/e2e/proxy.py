"""A bad line to the broker: everything goes through it, until it is held, cut or delayed."""
import random
import socket
import threading
import time


def hang_up(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Proxy:
    def __init__(self, port, seed=1):
        self.broker = ("127.0.0.1", port)
        self.dice = random.Random(seed)
        self.hold_at = None       # bytes: what is sent from the first chunk with them on waits for release()
        self.held = threading.Event()
        self.released = threading.Event()
        self.delay = 0.0          # of each chunk, at most
        self.pairs = []
        self.open = True
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                near, _ = self.server.accept()
                far = socket.create_connection(self.broker)
            except OSError:
                continue
            self.pairs.append((near, far))
            threading.Thread(target=self.carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, False), daemon=True).start()

    def carry(self, source, sink, to_broker):
        with source, sink:
            self.pass_on(source, sink, to_broker)
            hang_up(source, sink)

    def pass_on(self, source, sink, to_broker):
        try:
            while chunk := source.recv(65536):
                if self.delay:
                    time.sleep(self.dice.uniform(0, self.delay))
                if to_broker and self.hold_at and self.hold_at in chunk:
                    self.held.set()
                    self.released.wait(60)
                sink.sendall(chunk)
        except OSError:
            pass

    def cut(self):
        """What is on its way is lost."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            hang_up(*pair)

    def release(self):
        self.hold_at = None
        self.released.set()

    def stop(self):
        self.open = False
        self.release()
        self.cut()
        self.server.close()
