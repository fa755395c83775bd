"""Filters of the Swift proxy that add what R2 has and Swift lacks. Runs in the server.

`rules` is behind Swift's S3 API and sees Swift's own requests:
- `If-None-Match: *` is exact: of concurrent writers of a name one wins. A lock per name lives in
  this process, and there is one.
- The parts of a multipart upload have equal sizes, except for the last one, which is not larger.
- `x-amz-checksum-sha256` is stored with objects and parts; that of a multipart object is the
  hash of those of its parts.

`edge` is before the S3 API. It returns the checksum if `x-amz-checksum-mode` asks for it, and
limits keys: `test:pusher` cannot delete, `test:reader` cannot write, `test:pruner` cannot delete
the history of a mirror.
"""

import base64
import collections
import hashlib
import json

from eventlet.semaphore import Semaphore
from swift.common.swob import HTTPBadRequest, HTTPPreconditionFailed, Request
from swift.common.wsgi import make_pre_authed_request

CHECKSUM = "x-amz-checksum-sha256"
STORED = "X-Object-Sysmeta-Checksum-Sha256"
FOUND = "object_store.checksums"
FORBIDDEN = {"test:pusher": {"DELETE"}, "test:reader": {"DELETE", "PUT", "POST"}}
HISTORY = {"log", "mirror", "assets"}
"""Folders below which the pruner may not delete, whatever the prefix of the mirror."""
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>This key may not do that.</Message></Error>"
)

_locks = collections.defaultdict(Semaphore)


def cache(_global_conf, **_conf):
    """Returns the filter that has the place of memcached: without it, each request asks two
    services about account and bucket."""
    entries = _Cache()

    def filter_(app):
        def cached(env, start_response):
            env["swift.cache"] = entries
            return app(env, start_response)

        return cached

    return filter_


class _Cache(dict):
    """The part of Swift's memcache client that the proxy uses. Nothing expires."""

    def get(self, key, *_others, **_options):
        return super().get(key)

    def set(self, key, value, *_others, **_options):
        self[key] = value

    def delete(self, key, *_others, **_options):
        self.pop(key, None)


def edge(_global_conf, **_conf):
    """Returns the filter before the S3 API."""
    return _Edge


class _Edge:
    def __init__(self, app):
        self.app = app

    def __call__(self, env, start_response):
        if self._is_forbidden(env):
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(DENIED)))]
            start_response("403 Forbidden", headers)
            return [DENIED]
        checksums = env[FOUND] = {}

        def start(status, headers, *rest):
            if env.get("HTTP_X_AMZ_CHECKSUM_MODE") == "ENABLED":
                headers = [*headers, *checksums.items()]
            return start_response(status, headers, *rest)

        return self.app(env, start)

    def _is_forbidden(self, env):
        authorization, method = env.get("HTTP_AUTHORIZATION", ""), env["REQUEST_METHOD"]
        for key, methods in FORBIDDEN.items():
            if f"Credential={key}/" in authorization and method in methods:
                return True
        is_history = bool(HISTORY & set(env["PATH_INFO"].split("/")[:-1]))
        return is_history and "Credential=test:pruner/" in authorization and method == "DELETE"


def rules(_global_conf, **_conf):
    """Returns the filter behind the S3 API."""
    return _Rules


class _Rules:
    def __init__(self, app):
        self.app = app

    def __call__(self, env, start_response):
        request = Request(env)
        is_object = env["PATH_INFO"].count("/") > 3
        if not is_object or request.method not in ("PUT", "GET", "HEAD"):
            return self.app(env, start_response)
        if request.method == "PUT":
            return self._put(request)(env, start_response)
        response = request.get_response(self.app)
        if STORED in response.headers and FOUND in env:
            env[FOUND][CHECKSUM] = response.headers[STORED]
        return response(env, start_response)

    def _put(self, request):
        with _locks[request.path]:
            # The body is read inside the lock: the order of commits is that of the locks.
            if request.headers.pop("If-None-Match", None) and self._head(request, request.path):
                return HTTPPreconditionFailed(request=request)
            if request.params.get("multipart-manifest") == "put":
                refusal = self._check_parts(request)
                if refusal is not None:
                    return refusal
            elif CHECKSUM in request.headers:
                request.headers[STORED] = request.headers[CHECKSUM]
            return request.get_response(self.app)

    def _check_parts(self, request):
        # Without a heartbeat the response comes when all is done, inside the lock.
        request.params = {"multipart-manifest": "put"}
        manifest = json.loads(request.body)
        account = "/".join(request.path.split("/")[:3])
        parts = [self._head(request, account + part["path"]) for part in manifest]
        if not all(parts):
            return None  # Swift says which part is missing
        sizes = [part.content_length for part in parts]
        if len(set(sizes[:-1])) > 1 or sizes[-1] > sizes[0]:
            return HTTPBadRequest(b"parts have unequal sizes, Etag Mismatch", request=request)
        checksums = [part.headers.get(STORED) for part in parts]
        if all(checksums):
            joined = b"".join(base64.b64decode(checksum) for checksum in checksums)
            digest = base64.b64encode(hashlib.sha256(joined).digest()).decode()
            request.headers[STORED] = f"{digest}-{len(parts)}"
        return None

    def _head(self, request, path):
        response = make_pre_authed_request(request.environ, "HEAD", path).get_response(self.app)
        return response if response.is_success else None
