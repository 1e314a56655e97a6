#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Furnishes a YEPCord through its own REST API: `provision.py BASE SPEC` prints what there is now, as JSON.

BASE is `http://127.0.0.1:PORT`. SPEC is `{"users": [..], "guild": "..", "channels": [..], "roles": {"..": permissions},
"bot": ".."}`. The first user owns the guild and the application, the others join the guild, the bot is invited to it.
Only the standard library, so that any Python runs it.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from uuid import uuid4

PASSWORD = "test-passw0rd"
# What a bot's invitation asks for: all that a member may, and administration.
BOT_PERMISSIONS = 1071698660929 | 1 << 3 | 1 << 35 | 1 << 38
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy


class Refused(Exception):
    """An answer that is no success: its status and body."""


def call(base, method, path, body=None, token=None, form=None):
    """One request; `form` is (name, file name or None, type, bytes) of each part."""
    headers, data = {"User-Agent": "provision"}, None
    if token:
        headers["Authorization"] = token
    if form is not None:
        border = uuid4().hex
        headers["Content-Type"] = f"multipart/form-data; boundary={border}"
        data = b""
        for name, file, kind, content in form:
            file = f'; filename="{file}"' if file else ""
            head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"{file}\r\nContent-Type: {kind}\r\n\r\n'
            data += head.encode() + content + b"\r\n"
        data += f"--{border}--\r\n".encode()
    elif body is not None:
        headers["Content-Type"], data = "application/json", json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=30) as response:
            raw = response.read()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, method, path, error.read().decode()[:1000]) from None
    return json.loads(raw) if raw[:1] in (b"{", b"[") else raw


def provision(base, spec):
    """Makes everything of `spec`; fails at the first refusal."""
    api = base + "/api/v9"
    made = {"users": {}, "channels": {}, "roles": {}}
    for name in spec["users"]:
        mail = f"{name}.{uuid4().hex[:8]}@example.org"
        user = {"username": name, "email": mail, "password": PASSWORD, "date_of_birth": "2000-01-01"}
        token = call(api, "POST", "/auth/register", user)["token"]
        made["users"][name] = {"token": token, "id": call(api, "GET", "/users/@me", token=token)["id"]}
    owner, *others = [user["token"] for user in made["users"].values()]
    guild = made["guild"] = call(api, "POST", "/guilds", {"name": spec["guild"]}, owner)["id"]
    for name in spec["channels"]:
        channel = call(api, "POST", f"/guilds/{guild}/channels", {"name": name, "type": 0}, owner)
        made["channels"][name] = channel["id"]
    for name, permissions in spec.get("roles", {}).items():
        role = call(api, "POST", f"/guilds/{guild}/roles", {"name": name, "permissions": permissions}, owner)
        made["roles"][name] = role["id"]
    if others:
        first = next(iter(made["channels"].values()))
        code = call(api, "POST", f"/channels/{first}/invites", {}, owner)["code"]
        for token in others:
            call(api, "POST", f"/invites/{code}", {}, token)
    if bot := spec.get("bot"):
        application = made["application"] = call(api, "POST", "/applications", {"name": bot}, owner)["id"]
        made["bot_token"] = call(api, "POST", f"/applications/{application}/bot/reset", {}, owner)["token"]
        scope = urllib.parse.urlencode({"client_id": application, "scope": "bot applications.commands"})
        invite = {"authorize": True, "permissions": BOT_PERMISSIONS, "guild_id": int(guild)}
        call(api, "POST", f"/oauth2/authorize?{scope}", invite, owner)
    return made


if __name__ == "__main__":
    try:
        print(json.dumps(provision(sys.argv[1], json.loads(sys.argv[2]))))
    except Refused as error:
        sys.exit(f"YEPCord refused: {error}")
