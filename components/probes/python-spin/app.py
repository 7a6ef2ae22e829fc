"""Answers HTTP requests out of a key-value store and out of other servers, for the host's tests.

| path below the route | what happens |
|---|---|
| `/hello` | a fixed text |
| `/key-value?label=L&key=K&value=V` | V is kept under K, read back, and answered |
| `/send?url=U` | the status and the body of what U answers |

A value is answered with 200 as `ok <value>`, an error of the interface with 500 and its name, and a request that the
probe does not understand with 400.
"""

from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Err
from spin_sdk import http, key_value
from spin_sdk.http import Request, Response

HELLO = b"Hello from Python!\n"


class BadRequest(Exception):
    """A request that the probe itself does not understand."""


class HttpHandler(http.Handler):
    async def handle_request(self, request: Request) -> Response:
        url = urlsplit(request.uri)
        query = parse_qs(url.query, keep_blank_values=True)
        try:
            # What is left of the path behind the route, as Spin tells it.
            path = request.headers.get("spin-path-info", url.path)
            return answer(200, await value(path, query))
        except BadRequest as bad:
            return answer(400, str(bad))
        except Err as refusal:
            return answer(500, type(refusal.value).__name__)


async def value(path: str, query: dict) -> str:
    match path:
        case "/hello":
            return HELLO.decode()
        case "/key-value":
            return await kept(query)
        case "/send":
            response = await http.send(Request("GET", wanted(query, "url"), {}, None))
            return f"ok {response.status} {(response.body or b'').decode()}"
        case _:
            raise BadRequest(f"there is no {path}")


async def kept(query: dict) -> str:
    key = wanted(query, "key")
    with await key_value.open(wanted(query, "label")) as store:
        await store.set(key, wanted(query, "value").encode())
        found = await store.get(key)
    return f"ok {found.decode()}" if found is not None else "ok none"


def wanted(query: dict, name: str) -> str:
    """A parameter that must be there."""
    values = query.get(name)
    if not values:
        raise BadRequest(f"no {name} was given")
    return values[0]


def answer(status: int, text: str) -> Response:
    return Response(status, {"content-type": "text/plain"}, text.encode())
