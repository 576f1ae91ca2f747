"""The peer: an ASGI application that reads the body and answers a constant."""

HEADERS = [(b"content-type", b"application/octet-stream"), (b"content-length", b"23")]


async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b'{"ok":true,"answer":42}'})
