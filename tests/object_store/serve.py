"""The server process: OpenStack Swift with its S3 API, on disk. Runs in the server's environment.

    python serve.py FOLDER

All four services of Swift run in this one process, in green threads: it starts in a second,
and one process makes conditional writes exact. FOLDER contains `server.json` (ports and keys), the
certificate, the objects, and the lock file `users`. The process ends when no other process has
a lock on it any more, also if those were killed.
"""

import datetime
import fcntl
import ipaddress
import json
import os
import sys
from pathlib import Path

from swift.common.utils import monkey_patch, set_swift_dir

monkey_patch()

import eventlet.wsgi  # noqa: E402
import restore_listing  # type: ignore[import-not-found]  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from swift.common import wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

BACKEND = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {etc}
devices = {devices}
mount_check = false
log_level = WARNING
log_address = /nonexistent
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
FILTERS = {
    "healthcheck": "use = egg:swift#healthcheck",
    "cache": "paste.filter_factory = s3_rules:cache",
    "listing_formats": "use = egg:swift#listing_formats",
    "bulk": "use = egg:swift#bulk",
    "edge": "paste.filter_factory = s3_rules:edge",
    "s3api": "use = egg:swift#s3api\ns3_acl = false\nlocation = {region}\n"
    "check_bucket_owner = false\nmin_segment_size = 5242880",
    "tempauth": "use = egg:swift#tempauth\n{users}",
    "rules": "paste.filter_factory = s3_rules:rules",
    "slo": "use = egg:swift#slo",
}
PROXY = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {etc}
log_level = WARNING
log_address = /nonexistent
{tls}
[pipeline:main]
pipeline = {pipeline} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
{filters}
"""
HASHES = """[swift-hash]
swift_hash_path_suffix = test
swift_hash_path_prefix = test
[storage-policy:0]
name = one
default = yes
[swift-constraints]
max_header_size = 16384
"""


def write_certificate(path):
    """Writes a key and a self-signed certificate for 127.0.0.1 into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + 30 * day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + certificate.public_bytes(encoding))


def write_configuration(folder, settings):
    """Writes the files of all services; the same for every start in this folder."""
    etc = folder / "etc"
    etc.mkdir(exist_ok=True)
    (folder / "devices" / "d1").mkdir(parents=True, exist_ok=True)
    (etc / "swift.conf").write_text(HASHES)
    for kind in ("account", "container", "object"):
        port = settings["ports"][kind]
        text = BACKEND.format(kind=kind, port=port, etc=etc, devices=folder / "devices")
        (etc / f"{kind}.conf").write_text(text)
        ring = RingBuilder(4, 1, 0)
        ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1",
                      "weight": 1.0})  # fmt: skip
        ring.rebalance()
        ring.get_ring().save(str(etc / f"{kind}.ring.gz"))
    users = "\n".join(
        f"user_{key.replace(':', '_')} = {secret} .admin"
        for key, secret in settings["keys"].items()
    )
    filters = "".join(
        f"[filter:{name}]\n{text.format(users=users, region=settings['region'])}\n"
        for name, text in FILTERS.items()
    )
    certificate = folder / "certificate.pem"
    if not certificate.exists():
        write_certificate(certificate)
    for kind in ("http", "https"):
        tls = f"cert_file = {certificate}\nkey_file = {certificate}" if kind == "https" else ""
        text = PROXY.format(port=settings["ports"][kind], etc=etc, tls=tls, filters=filters,
                            pipeline=" ".join(FILTERS))  # fmt: skip
        (etc / f"{kind}.conf").write_text(text)


def serve(path, section):
    """Serves one service in this process, for ever. As `swift.common.wsgi.run_server`, which
    would replace the hub that the other services run in."""
    conf, _, _ = wsgi._initrp(str(path), section)
    app = wsgi.loadapp(conf["__file__"], global_conf={"log_name": section})
    while True:  # a connection that breaks in the TLS handshake may end the server
        try:
            eventlet.wsgi.server(
                wsgi.get_socket(conf),
                app,
                wsgi.NullLogger(),
                protocol=wsgi.SwiftHttpProtocol,
                socket_timeout=60,
                capitalize_response_headers=False,  # the SDK looks for "ETag", not "Etag"
                url_length_limit=8192,
            )
        except Exception as error:
            sys.stderr.write(f"{section} listens again after {error!r}\n")


def end_without_users(path):
    """Ends the process when nobody has a lock on a file any more."""
    with path.open("w") as file:
        while True:
            eventlet.sleep(1)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            os._exit(0)


def main():
    folder = Path(sys.argv[1])
    (folder / "pid").write_text(str(os.getpid()))
    write_configuration(folder, json.loads((folder / "server.json").read_text()))
    set_swift_dir(str(folder / "etc"))
    restore_listing.restore_listing(folder / "devices" / "d1")
    for kind in ("account", "container", "object"):
        eventlet.spawn(serve, folder / "etc" / f"{kind}.conf", f"{kind}-server")
    for kind in ("http", "https"):
        eventlet.spawn(serve, folder / "etc" / f"{kind}.conf", "proxy-server")
    end_without_users(folder / "users")


if __name__ == "__main__":
    main()
