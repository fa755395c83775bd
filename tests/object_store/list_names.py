"""Adds names to the listing of the bucket, without objects. Runs in the server's environment.

    python list_names.py FOLDER < NAMES

NAMES has one name per line. Putting thousands of objects would take a minute of CPU.
"""

import sys
from pathlib import Path

from swift.common.utils import Timestamp, set_swift_dir
from swift.container.backend import ContainerBroker


def main():
    folder = Path(sys.argv[1])
    set_swift_dir(str(folder / "etc"))
    for path in (folder / "devices" / "d1" / "containers").rglob("*.db"):
        broker = ContainerBroker(str(path))
        if broker.get_info()["container"] == "archive":
            for name in sys.stdin.read().splitlines():
                broker.put_object(name, Timestamp.now().internal, 1, "text/plain", "0" * 32)
            broker.get_info()  # writes what put_object has collected


if __name__ == "__main__":
    main()
