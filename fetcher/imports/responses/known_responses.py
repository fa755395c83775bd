"""Known responses: recorded ones whose request is known, and what they contain. Pure."""

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.errors import Invalid
from fetcher.imports.responses.bare_json import BareResponse, recognise_request
from fetcher.imports.responses.bare_responses import RecordingContent, Unrecognised
from fetcher.source import Continuation, Endpoint, Params, Source, url_of
from fetcher.split.doubts import read_continuation
from fetcher.split.error_words import describe_unsplittable
from fetcher.split.last_pages import LastPages, PageComparison, compare_with_last, split_like_last
from fetcher.split.response import Response, SplitResponse


@attrs.frozen
class KnownResponse:
    """A recorded response and the request that it answers."""

    endpoint: Endpoint
    params: Params
    bare: BareResponse
    comparison: PageComparison | None = None
    """Of its body with an earlier page of this request; None: it was not compared."""
    parts: SplitResponse | None = None
    """Its parts, if it was split before."""

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
    source: Source, content: RecordingContent, last: LastPages
) -> tuple[list[KnownResponse], list[Unrecognised]]:
    """Returns the responses of known endpoints, and everything else.

    `last`: the pages that were split before.
    """
    known: list[KnownResponse] = []
    unrecognised = list(content.unrecognised)
    for bare in content.responses:
        try:
            known.append(
                _recognise_new_elements(source, bare, last)
                or KnownResponse(*recognise_request(source, bare), bare)
            )
        except Invalid as error:
            unrecognised.append(Unrecognised(error.what, bare.body, bare.provenance))
    return known, unrecognised


def _recognise_new_elements(
    source: Source, bare: BareResponse, last: LastPages
) -> KnownResponse | None:
    """Recognises the next page of the first endpoint by the elements that its last one lacks.

    None if the body has to be recognised as a whole. Law: otherwise the request is that which
    `recognise_request` returns.
    """
    endpoint = source.endpoints[0]  # of any other, those before it may recognise the body, too
    if bare.endpoint is not None or not endpoint.recognises_elements:
        return None
    comparison = compare_with_last(last, endpoint.path, {}, bare.body)
    if comparison is None or not comparison.last_page.is_recognised:
        return None
    new = comparison.new_elements()
    is_recognised = new is None or endpoint.recognise(new) == {}
    return KnownResponse(endpoint, {}, bare, comparison) if is_recognised else None


def split_known(
    known: KnownResponse, response: Response, last: LastPages, body_sha256: str
) -> ReadResponse | str:
    """Returns the parts of a response, or the reason why it cannot be split.

    `response`: as upstream would send it. `last` remembers it.
    """
    if known.parts is not None:
        return ReadResponse(
            known.parts, read_continuation(known.endpoint, known.params, known.parts)
        )
    rules = known.endpoint.rules(known.params)
    try:
        parts = split_like_last(
            last,
            response,
            rules,
            body_sha256,
            comparison=known.comparison,
            is_recognised=known.bare.endpoint is None,
        )
    except NotJson as problem:
        return ": ".join(describe_unsplittable(known.bare.body, str(problem)))
    return ReadResponse(parts, read_continuation(known.endpoint, known.params, parts))
