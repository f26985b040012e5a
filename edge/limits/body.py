"""How much one request may send."""

from starlette.requests import Request

MAX_BODY = 256 * 1024


class BodyTooLargeError(Exception):
    """The request's body is larger than `MAX_BODY`."""


async def read_body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large.

    Raises:
        BodyTooLargeError: it is.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:12]) > MAX_BODY:
        raise BodyTooLargeError
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MAX_BODY:
            raise BodyTooLargeError
    return bytes(chunks)
