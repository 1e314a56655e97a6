#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An unmodified YEPCord that serenity can talk to: `shim.py FOLDER PORT BROKER_PORT`, on 127.0.0.1, until it is killed.

Read this file, then `payloads.py` (what bots read), `patches.py` (what YEPCord has wrong), `interactions.py` (what it
lacks around commands) and `endpoints.py` (the rest it lacks). The README says which of it is evidence.

Hooks of its own, which no Discord has: `POST /__shim/drop` cuts every gateway socket, `POST /__shim/fault` answers the
next requests that match `{"method", "path", "status", "times", "retry_after"}` with a failure, and
`GET /__shim/inbox?after=N` tells a user what the gateway would have shown them.
"""

import asyncio
import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path

FOLDER, PORT, BROKER_PORT = Path(sys.argv[1]).resolve(), int(sys.argv[2]), int(sys.argv[3])
os.environ.update(
    YEP_DIR=str(FOLDER),
    YEP_PORT=str(PORT),
    YEP_BROKER_PORT=str(BROKER_PORT),
    YEPCORD_CONFIG=str(Path(__file__).resolve().with_name("yepcord-config.py")),
)
warnings.simplefilter("ignore")

import pylibmagic  # noqa: F401  python-magic finds the library of this package, so that none of the system is needed
import uvicorn
from tortoise import Tortoise
from websockets.exceptions import ConnectionClosed
from yepcord.asgi import app as inner
from yepcord.yepcord.config import Config

import patches  # noqa: F401
import interactions  # noqa: F401
import endpoints  # noqa: F401
import payloads

GATEWAY = f"ws://127.0.0.1:{PORT}/gateway"
SOCKETS = set()
FAULTS = []


async def tables():
    """Makes the tables, once for each folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    await Tortoise.init(db_url=Config.DB_CONNECT_STRING, modules={"models": ["yepcord.yepcord.models"]})
    await Tortoise.generate_schemas(safe=True)
    await Tortoise.close_connections()


async def answer(send, status, body, headers=()):
    """Answers in place of YEPCord."""
    raw = json.dumps(body).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": raw})


async def whole(receive):
    """A request's body in one piece."""
    raw = b""
    while True:
        message = await receive()
        raw += message.get("body", b"")
        if not message.get("more_body"):
            return raw


def fault(method, path):
    """The failure that a test has ordered for this request, if any."""
    for one in FAULTS:
        if one["times"] > 0 and one.get("method", method) == method and re.search(one["path"], path):
            one["times"] -= 1
            return one
    return None


async def app(scope, receive, send):
    """The server: bots speak version 10, YEPCord version 9."""
    if scope["type"] == "lifespan":
        return await inner(scope, receive, send)
    path = re.sub(r"^/api/v\d+/", "/api/v9/", scope["path"])
    scope = dict(scope, path=path, raw_path=re.sub(rb"^/api/v\d+/", b"/api/v9/", scope["raw_path"]))
    if scope["type"] == "websocket":
        return await gateway(scope, receive, send)
    method = scope["method"]
    if path == "/__shim/drop":
        cut = list(SOCKETS)
        for close in cut:  # not awaited: a peer may be slow to agree
            asyncio.create_task(close({"type": "websocket.close", "code": 4000}))
        return await answer(send, 200, {"dropped": len(cut)})
    if path == "/__shim/fault":
        FAULTS.append({"times": 1, "status": 500} | json.loads(await whole(receive)))
        return await answer(send, 200, {})
    if one := fault(method, path):
        wait = one.get("retry_after", 1)
        body = {"message": "ordered by a test", "code": 0, "retry_after": wait, "global": False}
        return await answer(send, one["status"], body, [(b"retry-after", str(wait).encode())])
    if path == "/api/v9/gateway":
        return await answer(send, 200, {"url": GATEWAY})
    if path == "/api/v9/gateway/bot":
        limit = {"total": 1000, "remaining": 1000, "reset_after": 14400000, "max_concurrency": 1}
        return await answer(send, 200, {"url": GATEWAY, "shards": 1, "session_start_limit": limit})
    await inner(*await request(scope, receive), response(send))


async def request(scope, receive):
    """The request as YEPCord reads it: its models refuse the nulls that serenity writes out."""
    raw = await whole(receive)
    headers = dict(scope["headers"])
    if b"json" in headers.get(b"content-type", b""):
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if isinstance(body, dict):
            raw = json.dumps({key: value for key, value in body.items() if value is not None}).encode()
            headers[b"content-length"] = str(len(raw)).encode()
            scope = dict(scope, headers=list(headers.items()))
    told = False

    async def again():
        nonlocal told
        if told:
            return await receive()  # Quart listens on for the disconnect
        told = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return scope, again


def response(send):
    """YEPCord's JSON as serenity reads it; anything else as it is."""
    start, parts = None, []

    async def shaped(message):
        nonlocal start
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            if any(b"json" in kind for kind in kinds):
                start = message
                return
        elif start is not None:
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            raw = b"".join(parts)
            try:
                raw = json.dumps(payloads.shaped(json.loads(raw))).encode()
            except ValueError:
                pass
            head = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            await send(dict(start, headers=[*head, (b"content-length", str(len(raw)).encode())]))
            message = {"type": "http.response.body", "body": raw}
        await send(message)

    return shaped


async def gateway(scope, receive, send):
    """A gateway socket: a bot's token loses its prefix, and a frame may become several."""

    async def told(message):
        # What is written to a socket that was just cut is lost, as on any network. YEPCord would take the error for one
        # of its own and keep the socket in its list for ever, where those behind it hear nothing any more.
        try:
            await send(message)
        except (RuntimeError, ConnectionClosed):  # uvicorn's for what we closed, websockets' for what others did
            pass

    async def out(message):
        if message["type"] != "websocket.send" or not message.get("text"):
            return await told(message)
        for frame in await payloads.frames(json.loads(message["text"]), GATEWAY):
            await told({"type": "websocket.send", "text": json.dumps(frame)})

    async def within():
        while True:
            message = await receive()
            if message["type"] != "websocket.receive" or not message.get("text"):
                return message
            frame = json.loads(message["text"])
            if frame.get("op") == 6:  # YEPCord's RESUME raises: say that the session is gone, as Discord may
                await send({"type": "websocket.send", "text": json.dumps({"op": 9, "d": False})})
                continue
            if frame.get("op") == 2:
                frame["d"]["token"] = frame["d"]["token"].removeprefix("Bot ")
            return dict(message, text=json.dumps(frame))

    SOCKETS.add(send)
    try:
        await inner(scope, within, out)
    finally:
        SOCKETS.discard(send)


if __name__ == "__main__":
    asyncio.run(tables())
    logging.getLogger("uvicorn.access").addFilter(lambda record: "/__shim/inbox" not in record.getMessage())
    # YEPCord's sockets never end by themselves, and a graceful end would wait for them.
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="info", timeout_graceful_shutdown=1)
