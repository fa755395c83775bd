"""A started process has the socket, the shared file and the name of the source."""

import os
import socket

from fetcher.split.process import create_shared_file, start_process

PROGRAM = """
import os, socket, sys
import fetcher.split.worker
os.pwrite(int(sys.argv[2]), sys.argv[3].encode(), 3)
socket.socket(fileno=int(sys.argv[1])).sendall(b"done")
"""


def test_a_program_shares_a_socket_and_a_file_with_this_process() -> None:
    shared_file = create_shared_file()
    own_end, other_end = socket.socketpair()
    with own_end, other_end:
        process = start_process(PROGRAM, "a-source", other_end.fileno(), shared_file)
        other_end.close()
        received = own_end.recv(9)
        code = process.wait()

    assert (received, code) == (b"done", 0)
    assert os.pread(shared_file, 99, 0) == b"\0\0\0a-source"
    os.close(shared_file)
