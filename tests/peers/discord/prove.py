#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shows that the peer works, without any of ours: `VENV/bin/python prove.py`, VENV with `requirements.lock` in it.

Starts the server in a temporary folder; users speak plain REST, the bot plain REST and a plain websocket. A line for
each check, then `N passed, N failed`.
"""

import asyncio
import base64
import json
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

from websockets.client import connect
from websockets.exceptions import ConnectionClosed

from provision import Refused, call, provision

HERE = Path(__file__).resolve().parent
MANAGE_GUILD = 1 << 5
SVG = "a.svg", "image/svg+xml", b"<svg/>"
PNG = "b.png", "image/png", base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4//8/AAX+Av4N70a4AAAAAElFTkSuQmCC"
)
COMMANDS = [
    {"name": "ask", "description": "Ask", "options": [
        {"type": 3, "name": "question", "description": "what", "autocomplete": True, "required": True},
        {"type": 3, "name": "style", "description": "how", "choices": [{"name": "short", "value": "s"}]},
    ]},
    {"name": "admin", "description": "Admin", "default_member_permissions": str(MANAGE_GUILD)},
    {"name": "Translate", "type": 3},
]


def free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Bot:
    """A plain gateway client: heartbeats and a list of events."""

    def __init__(self, base, token):
        self.base, self.token, self.events = base, token, []

    async def connect(self):
        url = self.call("GET", "/gateway/bot")["url"]
        self.socket = await connect(url + "?v=10&encoding=json", max_size=None)
        await self.socket.recv()
        properties = {"os": "linux", "browser": "prove", "device": "prove"}
        identify = {"token": "Bot " + self.token, "intents": 1 << 15 | 512, "properties": properties}
        await self.socket.send(json.dumps({"op": 2, "d": identify}))
        self.task = asyncio.create_task(self.listen())

    async def listen(self):
        with suppress(ConnectionClosed):
            async for frame in self.socket:
                self.events.append(json.loads(frame))

    def call(self, method, path, body=None, form=None):
        return call(self.base + "/api/v10", method, path, body, "Bot " + self.token, form)

    def answer(self, it, kind, data=None):
        self.call("POST", f"/interactions/{it['id']}/{it['token']}/callback", {"type": kind, "data": data})

    async def wait(self, kind, fits=lambda it: True):
        end, seen = time.time() + 10, 0
        while time.time() < end:
            while seen < len(self.events):
                event, seen = self.events[seen], seen + 1
                if event.get("t") == kind and fits(event["d"]):
                    return event["d"]
            await asyncio.sleep(0.02)
        raise TimeoutError(f"no {kind}; had {[event.get('t') for event in self.events[-8:]]}")


class User:
    """A user with plain REST."""

    def __init__(self, base, user, world):
        self.base, self.id, self.token, self.world = base, user["id"], user["token"], world
        self.channel = world["channels"]["seminar"]

    def call(self, method, path, body=None, form=None):
        return call(self.base + "/api/v9", method, path, body, self.token, form)

    def say(self, text, **more):
        return self.call("POST", f"/channels/{self.channel}/messages", {"content": text} | more)

    def history(self):
        return self.call("GET", f"/channels/{self.channel}/messages?limit=50")

    def act(self, kind, data, **more):
        it = {"type": kind, "application_id": self.world["application"], "channel_id": self.channel,
              "guild_id": self.world["guild"], "session_id": "s", "nonce": str(time.time_ns()), "data": data} | more
        form = [("payload_json", None, "application/json", json.dumps(it).encode())]
        self.call("POST", "/interactions", form=form)
        return it["nonce"]

    def command(self, name, options=(), kind=1, interaction=2, **more):
        path = f"/channels/{self.channel}/application-commands/search?type={kind}&limit=25"
        found = self.call("GET", path)["application_commands"]
        one = next(command for command in found if command["name"] == name)
        data = {key: one[key] for key in ("id", "name", "type", "version")} | {"options": list(options)} | more
        return self.act(interaction, data)

    async def inbox(self, kind, fits=lambda it: True):
        end = time.time() + 10
        while time.time() < end:
            for event in call(self.base, "GET", "/__shim/inbox", token=self.token)["events"]:
                if event["t"] == kind and fits(event["d"]):
                    return event["d"]
            await asyncio.sleep(0.05)
        raise TimeoutError(f"no {kind} in the inbox")


def option(value, **more):
    return {"type": 3, "name": "question", "value": value} | more


def asked(value):
    return lambda it: any(option.get("value") == value for option in it["data"].get("options", []))


def form(message, *files):
    """A message with files, as parts of a form."""
    named = [{"id": str(number), "filename": name} for number, (name, _, _) in enumerate(files)]
    json_part = ("payload_json", None, "application/json", json.dumps(message | {"attachments": named}).encode())
    return [json_part, *((f"files[{number}]", *file) for number, file in enumerate(files))]


def refused(status, do):
    try:
        do()
    except Refused as error:
        assert error.args[0] == status, error
        return
    raise AssertionError(f"not refused with {status}")


async def talk(bot, ana, bob):
    first = ana.say("hello")
    bob.say("hi ana", message_reference={"message_id": first["id"]})
    assert [m["content"] for m in bob.history()[:2]] == ["hi ana", "hello"]
    assert (await bot.wait("MESSAGE_CREATE", lambda m: m["content"] == "hi ana"))["member"]["roles"] == []


async def files(bot, ana, bob):
    bob.call("POST", f"/channels/{bob.channel}/messages", form=form({"content": "look"}, SVG))
    seen = await bot.wait("MESSAGE_CREATE", lambda m: m["content"] == "look")
    url = seen["attachments"][0]["url"]
    assert call(url, "GET", "") == b"<svg/>", url
    sent = bot.call("POST", f"/channels/{bob.channel}/messages", {"content": "wait"})
    path = f"/channels/{bob.channel}/messages/{sent['id']}"
    bot.call("PATCH", path, form=form({"content": "here"}, PNG, SVG))
    names = [file["filename"] for file in bob.call("GET", path)["attachments"]]
    assert names == ["b.png", "a.svg"], names
    bot.call("PATCH", path, {"content": "only words"})
    assert len(bob.call("GET", path)["attachments"]) == 2


async def commands(bot, ana, bob):
    made = bot.call("PUT", f"/applications/{ana.world['application']}/commands", COMMANDS)
    assert [command["name"] for command in made] == ["ask", "admin", "Translate"]
    bob.call("PATCH", "/users/@me/settings", {"locale": "zh-CN"})
    bob.command("ask", [option("why?")])
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["type"] == 2)
    assert it["locale"] == "zh-CN" and it["data"]["options"][0]["value"] == "why?", it
    assert it["member"]["user"]["id"] == bob.id
    bot.answer(it, 5)
    path = f"/webhooks/{ana.world['application']}/{it['token']}"
    bot.call("PATCH", path + "/messages/@original", form=form({"content": "because"}, PNG))
    bot.call("POST", path, {"content": "and more"})
    more, first = bob.history()[:2]
    assert (more["content"], first["content"]) == ("and more", "because")
    assert first["attachments"][0]["width"] == 1 and not first["flags"] & 128
    await bob.inbox("INTERACTION_SUCCESS")


async def secret(bot, ana, bob):
    nonce = bob.command("ask", [option("secret")])
    it = await bot.wait("INTERACTION_CREATE", asked("secret"))
    bot.answer(it, 4, {"content": "only you", "flags": 64, "embeds": [{"description": "x"}]})
    seen = await bob.inbox("MESSAGE_CREATE", lambda m: m["content"] == "only you")
    assert seen["flags"] & 64 and seen["embeds"] and nonce
    assert all(m["content"] != "only you" for m in bob.history())
    inbox = call(ana.base, "GET", "/__shim/inbox", token=ana.token)["events"]
    assert all(event["d"].get("content") != "only you" for event in inbox if isinstance(event["d"], dict))


async def complete(bot, ana, bob):
    nonce = bob.command("ask", [option("at", focused=True)], interaction=4)
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["type"] == 4)
    assert it["data"]["options"][0]["focused"] and it["data"]["options"][0]["value"] == "at"
    bot.answer(it, 8, {"choices": [{"name": "attention", "value": "attention"}]})
    seen = await bob.inbox("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", lambda it: it["nonce"] == nonce)
    assert seen["choices"][0]["name"] == "attention"


async def on_message(bot, ana, bob):
    target = ana.say("bonjour")
    bob.command("Translate", kind=3, target_id=target["id"])
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["data"].get("name") == "Translate")
    assert it["data"]["target_id"] == target["id"]
    assert it["data"]["resolved"]["messages"][target["id"]]["content"] == "bonjour"
    bot.answer(it, 4, {"content": "hello (fr)"})
    assert bob.history()[0]["content"] == "hello (fr)"


async def buttons(bot, ana, bob):
    button = {"type": 2, "style": 1, "label": "Stop", "custom_id": "stop:1"}
    channel = f"/channels/{bob.channel}/messages"
    sent = bot.call("POST", channel, {"content": "working", "components": [{"type": 1, "components": [button]}]})
    click = {"component_type": 2, "custom_id": "stop:1"}
    bob.act(3, click, message_id=sent["id"])
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["type"] == 3)
    bot.answer(it, 6)
    path = f"/webhooks/{ana.world['application']}/{it['token']}/messages/@original"
    bot.call("PATCH", path, {"content": "stopped", "components": []})
    seen = bob.call("GET", f"{channel}/{sent['id']}")
    assert seen["content"] == "stopped" and seen["components"] == []
    refused(400, lambda: bob.act(3, click, message_id=sent["id"]))


async def modal(bot, ana, bob):
    nonce = bob.command("ask", [option("form")])
    it = await bot.wait("INTERACTION_CREATE", asked("form"))
    field = {"type": 4, "custom_id": "need", "label": "Need", "style": 1}
    bot.answer(it, 9, {"custom_id": "m", "title": "Need", "components": [{"type": 1, "components": [field]}]})
    seen = await bob.inbox("INTERACTION_MODAL_CREATE", lambda it: it["nonce"] == nonce)
    row = {"type": 1, "components": [{"type": 4, "custom_id": "need", "value": "a GPU"}]}
    bob.act(5, {"id": seen["id"], "custom_id": "m", "components": [row]})
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["type"] == 5)
    assert it["data"]["components"][0]["components"][0]["value"] == "a GPU"
    bot.answer(it, 4, {"content": "thanks"})


async def roles(bot, ana, bob):
    refused(403, lambda: bob.command("admin"))
    member = f"/guilds/{ana.world['guild']}/members/{bob.id}"
    ana.call("PATCH", member, {"roles": [ana.world["roles"]["moderator"]]})
    assert (await bot.wait("GUILD_MEMBER_UPDATE"))["roles"] == [ana.world["roles"]["moderator"]]
    bob.command("admin")
    it = await bot.wait("INTERACTION_CREATE", lambda it: it["data"].get("name") == "admin")
    assert int(it["member"]["permissions"]) & MANAGE_GUILD
    bot.answer(it, 4, {"content": "yes"})
    ana.call("PATCH", member, {"roles": []})
    refused(403, lambda: bob.command("admin"))


async def direct(bot, ana, bob):
    room = bob.call("POST", "/users/@me/channels", {"recipients": [ana.world["application"]]})["id"]
    bob.call("POST", f"/channels/{room}/messages", {"content": "psst"})
    seen = await bot.wait("MESSAGE_CREATE", lambda m: m["content"] == "psst")
    assert "guild_id" not in seen
    reply = {"content": "yes?", "message_reference": {"message_id": seen["id"]}}
    bot.call("POST", f"/channels/{room}/messages", reply)
    assert bob.call("GET", f"/channels/{room}/messages")[0]["referenced_message"]["content"] == "psst"
    assert bot.call("GET", f"/channels/{room}")["recipients"][0]["id"] == bob.id


async def nonces(bot, ana, bob):
    said = {"content": "once", "nonce": 12345678901234, "enforce_nonce": True}
    first, second = (bot.call("POST", f"/channels/{bob.channel}/messages", said) for _ in range(2))
    assert first["id"] == second["id"] and first["nonce"] == 12345678901234
    assert (await bot.wait("MESSAGE_CREATE", lambda m: m["content"] == "once"))["nonce"] == 12345678901234
    refused(400, lambda: bot.call("POST", f"/channels/{bob.channel}/messages", {"content": "x", "nonce": "n" * 26}))


async def reactions(bot, ana, bob):
    sent = bot.call("POST", f"/channels/{bob.channel}/messages", {"content": "useful?"})
    bob.call("PUT", f"/channels/{bob.channel}/messages/{sent['id']}/reactions/%F0%9F%91%8D/@me")
    seen = await bot.wait("MESSAGE_REACTION_ADD")
    assert seen["emoji"]["name"] == "\N{THUMBS UP SIGN}" and seen["user_id"] == bob.id
    bot.call("POST", f"/channels/{bob.channel}/typing")
    await bob.inbox("TYPING_START", lambda it: it["user_id"] == ana.world["application"])


async def threads(bot, ana, bob):
    start = bob.say("a long story")
    path = f"/channels/{bob.channel}/messages/{start['id']}/threads"
    made = bot.call("POST", path, {"name": "story", "auto_archive_duration": 1440})
    bob.call("POST", f"/channels/{made['id']}/messages", {"content": "in it"})
    seen = await bot.wait("MESSAGE_CREATE", lambda m: m["content"] == "in it")
    assert seen["channel_id"] == made["id"] and seen["guild_id"] == ana.world["guild"]
    assert bot.call("GET", f"/channels/{made['id']}")["parent_id"] == bob.channel
    bob.channel, parent = made["id"], bob.channel
    bob.command("ask", [option("in the thread?")])
    bob.channel = parent
    it = await bot.wait("INTERACTION_CREATE", asked("in the thread?"))
    assert it["channel_id"] == made["id"]
    bot.answer(it, 4, {"content": "yes"})


async def private_threads(bot, ana, bob):
    made = bob.call("POST", f"/channels/{bob.channel}/threads", {"name": "ours", "type": 12})
    within = f"/channels/{made['id']}"
    assert made["type"] == 12
    bob.call("PUT", f"{within}/thread-members/{bob.world['application']}")
    assert bot.call("GET", within)["type"] == 12 and bot.call("GET", within)["parent_id"] == bob.channel
    bot.call("GET", f"{within}/thread-members/{bob.id}")
    refused(404, lambda: bot.call("GET", f"{within}/thread-members/{ana.id}"))
    bob.call("POST", f"{within}/messages", {"content": f"<@{bob.world['application']}> between us"})
    seen = await bot.wait("MESSAGE_CREATE", lambda m: "between us" in m["content"])
    assert seen["channel_id"] == made["id"] and seen["guild_id"] == ana.world["guild"]
    refused(401, lambda: ana.call("GET", f"{within}/messages?limit=5"))


async def hidden(bot, ana, bob):
    hide = {"id": ana.world["guild"], "type": 0, "allow": "0", "deny": str(1 << 10)}
    ana.call("PUT", f"/channels/{ana.channel}/permissions/{ana.world['guild']}", hide)
    told = await bot.wait("CHANNEL_UPDATE", lambda it: it["id"] == ana.channel)
    assert [(one["id"], one["deny"]) for one in told["permission_overwrites"]] == [(hide["id"], hide["deny"])]
    refused(403, lambda: bob.say("unseen"))
    ana.call("DELETE", f"/channels/{ana.channel}/permissions/{ana.world['guild']}")
    bob.say("seen")


async def dropped(bot, ana, bob):
    assert call(ana.base, "POST", "/__shim/drop", {})["dropped"] == 1
    await bot.connect()
    await bot.wait("GUILD_CREATE", lambda guild: guild["threads"])
    fault = {"method": "POST", "path": "/messages$", "status": 429, "retry_after": 0.1}
    call(ana.base, "POST", "/__shim/fault", fault)
    refused(429, lambda: bob.say("limited"))
    assert bob.say("not limited")["content"] == "not limited"


async def late(bot, ana, bob):
    nonce = bob.command("ask", [option("never answered")])
    await bob.inbox("INTERACTION_FAILURE", lambda it: it["nonce"] == nonce)


async def killed(bot, ana, bob):
    bob.say("before")
    SERVER.kill()
    SERVER.start()
    await bot.connect()
    await bot.wait("GUILD_CREATE")
    assert bob.history()[0]["content"] == "before"
    assert len(bot.call("GET", f"/applications/{ana.world['application']}/commands")) == 3


class Server:
    """The server in a folder; it is started again on the same ports."""

    def open(self, folder):
        self.folder, self.ports = Path(folder), (free(), free())
        self.base = f"http://127.0.0.1:{self.ports[0]}"
        self.log = open(self.folder / "log", "a")
        self.start()

    def start(self):
        arguments = [sys.executable, HERE / "shim.py", self.folder / "data", *map(str, self.ports)]
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log)
        end = time.time() + 60
        while True:
            try:
                return call(self.base, "GET", "/api/v9/gateway")
            except OSError:
                if time.time() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def kill(self):
        self.process.kill()
        self.process.wait(10)


SERVER = Server()
CHECKS = [talk, files, commands, secret, complete, on_message, buttons, modal, roles, direct, nonces, reactions]
CHECKS += [threads, private_threads, hidden, dropped, late, killed]


async def main(folder):
    failed = 0
    try:
        SERVER.open(folder)
        spec = {"users": ["ana", "bob"], "guild": "Lab", "channels": ["seminar"], "bot": "colloquy"}
        base = SERVER.base
        world = provision(base, spec | {"roles": {"moderator": MANAGE_GUILD}})
        ana, bob = (User(base, user, world) for user in world["users"].values())
        bot = Bot(base, world["bot_token"])
        await bot.connect()
        await bot.wait("GUILD_CREATE")
        for check in CHECKS:
            began = time.time()
            try:
                await check(bot, ana, bob)
                print(f"ok    {check.__name__} {time.time() - began:.2f} s")
            except Exception:
                failed += 1
                print(f"FAIL  {check.__name__}\n{traceback.format_exc()}")
    finally:
        SERVER.process.terminate()
        SERVER.process.wait(10)
        if failed:
            print(Path(folder, "log").read_text()[-6000:])
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if asyncio.run(main(folder)) else 0)
