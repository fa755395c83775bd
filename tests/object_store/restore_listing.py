"""Makes the listings of Swift agree with its objects after `kill -9`. Runs in the server.

Swift puts an object first and lists it afterwards; a daemon makes up for it later. S3 and R2
list what they have stored at once. Therefore all objects are compared before the server starts.
"""

from swift.container.backend import ContainerBroker
from swift.obj.diskfile import read_metadata


def restore_listing(device):
    """Lists every object below a device, and none that was deleted."""
    brokers = {}
    for path in (device / "containers").rglob("*.db"):
        broker = ContainerBroker(str(path))
        info = broker.get_info()
        brokers[info["account"], info["container"]] = broker
    for folder in (device / "objects").glob("*/*/*"):
        newest = max(folder.glob("*.*"), default=None)
        if newest is None:
            continue
        about = read_metadata(str(newest))
        _, account, container, name = about["name"].split("/", 3)
        broker = brokers.get((account, container))
        if broker is None:
            continue
        if newest.suffix == ".ts":
            broker.delete_object(name, about["X-Timestamp"])
        else:
            broker.put_object(name, about["X-Timestamp"], *_listed(about))
    for broker in brokers.values():
        broker.get_info()  # writes what put_object has collected


def _listed(about):
    """Returns size, type and ETag of an object as the listing has them."""
    override = "X-Object-Sysmeta-Container-Update-Override-"
    size = about.get(f"{override}Size", about["Content-Length"])
    return int(size), about["Content-Type"], about.get(f"{override}Etag", about["ETag"])
