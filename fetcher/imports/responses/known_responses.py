"""Known responses: recorded ones whose request is known, and what they contain. Pure."""

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.errors import Invalid
from fetcher.imports.responses.bare_json import BareResponse, recognise_request
from fetcher.imports.responses.bare_responses import RecordingContent, Unrecognised
from fetcher.source import Continuation, Endpoint, Params, Source, url_of
from fetcher.split.doubts import read_continuation
from fetcher.split.error_words import describe_unsplittable
from fetcher.split.last_pages import LastPages, split_like_last
from fetcher.split.response import Response, SplitResponse


@attrs.frozen
class KnownResponse:
    """A recorded response and the request that it answers."""

    endpoint: Endpoint
    params: Params
    bare: BareResponse

    def response(self, source: Source) -> Response:
        """Returns it as upstream would send it."""
        return Response(
            url=url_of(source.base_url, self.endpoint.path, self.params),
            endpoint=self.endpoint.path,
            params=self.params,
            status=200,
            body=self.bare.body,
        )


@attrs.frozen
class ReadResponse:
    """A response that was split, and what follows it."""

    parts: SplitResponse
    page: Continuation


def recognise_responses(
    source: Source, content: RecordingContent
) -> tuple[list[KnownResponse], list[Unrecognised]]:
    """Returns the responses of known endpoints, and everything else."""
    known: list[KnownResponse] = []
    unrecognised = list(content.unrecognised)
    for bare in content.responses:
        try:
            known.append(KnownResponse(*recognise_request(source, bare), bare))
        except Invalid as error:
            unrecognised.append(Unrecognised(error.what, bare.body, bare.provenance))
    return known, unrecognised


def split_known(
    known: KnownResponse, response: Response, last: LastPages, body_sha256: str
) -> ReadResponse | str:
    """Returns the parts of a response, or the reason why it cannot be split.

    `response`: as upstream would send it. `last` remembers it.
    """
    rules = known.endpoint.rules(known.params)
    try:
        parts = split_like_last(last, response, rules, body_sha256)
    except NotJson as problem:
        return ": ".join(describe_unsplittable(known.bare.body, str(problem)))
    return ReadResponse(parts, read_continuation(known.endpoint, known.params, parts))
