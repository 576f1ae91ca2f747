"""Which calls make a worker go from thread to thread."""
import os
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from allspark import frames, serving  # noqa: E402


def slow_after(call, is_computing):
    """Whether one call counts as long."""
    ours, its = socket.socketpair()
    ours.settimeout(20)
    answer = lambda _body, _head, _deadline: call() or b"ok"  # noqa: E731
    server = serving.Serving(its, frames.FrameReader(its), answer, lambda: "", 1, "")
    if is_computing:
        server.slow_s, server.is_computing = serving.READY_SLOW_S, True
    thread = threading.Thread(target=server.run)
    thread.start()
    head = b"POST /\n"
    ours.sendall(frames.encode(frames.REQUEST, 7, struct.pack("<H", len(head)) + head))
    ours.recv(1000)
    ours.sendall(frames.encode(frames.SHUTDOWN, 0, b""))
    thread.join(20)
    ours.close()
    its.close()
    return server._slow_until > 0


def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


class Slow(unittest.TestCase):
    def test_a_call_of_a_custom_processor_that_waits_is_long(self):
        self.assertTrue(slow_after(lambda: time.sleep(0.03), False))

    def test_a_ready_made_one_that_only_had_no_core_is_not(self):
        self.assertFalse(slow_after(lambda: time.sleep(0.03), True))

    def test_a_ready_made_one_that_computes_long_is(self):
        self.assertTrue(slow_after(lambda: burn(0.03), True))


if __name__ == "__main__":
    unittest.main()
