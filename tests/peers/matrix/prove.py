#!/usr/bin/env python3
"""Shows that the peer works, without any of ours: `prove.py SYNAPSE_VENV NIO_VENV`, each with its lock file in it.

Starts Synapse in a temporary folder and three devices of two humans. A line for each check, then
`N passed, N failed`.
"""

import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from socket import socket

from homeserver import OPENER

HERE = Path(__file__).resolve().parent
SYNAPSE, NIO = (Path(venv) / "bin/python" for venv in sys.argv[1:3])


class Human:
    """The client process of a human."""

    def __init__(self, base, folder):
        self.base, self.folder, self.events, self.waiting, self.number = base, folder, [], {}, 0

    async def start(self, user):
        pipe = asyncio.subprocess.PIPE
        log = open(f"{self.folder}.log", "a")
        self.process = await asyncio.create_subprocess_exec(
            NIO, HERE / "human.py", self.base, self.folder, stdin=pipe, stdout=pipe, stderr=log, limit=64 << 20
        )
        self.task = asyncio.create_task(self.listen())
        return await self.do("login", user=user, password="pw-" + user)

    async def listen(self):
        async for line in self.process.stdout:
            line = json.loads(line)
            if "event" in line:
                self.events.append(line["event"])
            else:
                self.waiting.pop(line["id"]).set_result(line)

    async def ask(self, do, **more):
        self.number += 1
        answer = self.waiting[self.number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": self.number, "do": do} | more).encode() + b"\n")
        return await asyncio.wait_for(answer, 60)

    async def do(self, do, **more):
        answer = await self.ask(do, **more)
        assert "ok" in answer, (do, answer)
        return answer["ok"]

    async def wait(self, kind, **fits):
        end = time.time() + 20
        while time.time() < end:
            for event in self.events:
                if event["kind"] == kind and all(event.get(key) == value for key, value in fits.items()):
                    return event
            await asyncio.sleep(0.02)
        raise TimeoutError(f"no {kind} {fits}; had {[(e['kind'], e.get('body')) for e in self.events[-6:]]}")

    async def stop(self):
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), 20)


async def exchange(ana, bob, encrypted):
    room = (await ana.do("create_room", name="seminar", encrypted=encrypted, invite=[bob.user]))["room"]
    await bob.wait("invite", room=room, sender=ana.user)
    await bob.do("join", room=room)
    await ana.wait("member", room=room, user=bob.user, membership="join")
    first = (await ana.do("say", room=room, body="hello", mentions=[bob.user], html="<b>hello</b>"))["event"]
    seen = await bob.wait("message", id=first)
    assert seen["body"] == "hello" and seen["formatted_body"] == "<b>hello</b>" and seen["mentions"] == [bob.user]
    assert seen["decrypted"] == encrypted
    raw = await bob.do("raw_event", room=room, event=first)
    assert raw["type"] == ("m.room.encrypted" if encrypted else "m.room.message")
    await ana.do("edit", room=room, event=first, body="hello all")
    assert (await bob.wait("message", edits=first))["body"] == "hello all"
    await bob.do("thread", room=room, root=first, body="in a thread")
    assert (await ana.wait("message", thread=first))["body"] == "in a thread"
    await bob.do("reply", room=room, to=first, body="a reply")
    await ana.wait("message", reply_to=first, body="a reply")
    await bob.do("react", room=room, event=first, key="\N{THUMBS UP SIGN}")
    await ana.wait("reaction", target=first, key="\N{THUMBS UP SIGN}")
    await bob.do("typing", room=room)
    await ana.wait("typing", room=room, users=[bob.user])
    await ana.do("redact", room=room, event=first, reason="oops")
    assert (await bob.wait("redaction", target=first))["reason"] == "oops"
    data = base64.b64encode(bytes(range(256)) * 2000).decode()
    file = (await ana.do("upload", room=room, name="paper.pdf", mimetype="application/pdf", data=data))["event"]
    seen = await bob.wait("message", id=file)
    assert seen["msgtype"] == "m.file" and seen["body"] == "paper.pdf" and ("file" in seen["content"]) == encrypted
    assert (await bob.do("download", event=file))["data"] == data
    await bob.do("download", event=file, to=str(bob.folder / "paper.pdf"))
    again = (await bob.do("upload", room=room, name="b.pdf", file=str(bob.folder / "paper.pdf")))["event"]
    await ana.wait("message", id=again)
    assert (await ana.do("download", event=again))["data"] == data
    history = (await bob.do("messages", room=room))["events"]
    assert any(event["kind"] == "message" and event["body"] == "a reply" for event in history)
    return room


async def plain(ana, bob):
    await exchange(ana, bob, False)


async def encrypted(ana, bob):
    ana.room = await exchange(ana, bob, True)


async def restarted(ana, bob):
    """What was said while a human was away is there and readable; the device is the same."""
    await bob.stop()
    said = (await ana.do("say", room=ana.room, body="while you were away"))["event"]
    before, bob.events = bob.device, []
    answer = await bob.start("bob")
    assert answer["restored"] and answer["device"] == before
    assert (await bob.wait("message", id=said))["decrypted"]
    back = (await bob.do("say", room=ana.room, body="back"))["event"]
    assert (await ana.wait("message", id=back))["decrypted"]


async def second_device(ana, bob):
    """Another device of bob reads what was said before it came: the first gives it the key."""
    other = Human(bob.base, bob.folder.with_name("bob2"))
    await other.start("bob")
    await other.do("messages", room=ana.room)
    said = (await ana.do("say", room=ana.room, body="to all devices"))["event"]
    assert (await other.wait("message", id=said))["decrypted"]
    locked = [event["id"] for event in other.events if event["kind"] == "undecryptable"]
    assert locked
    for event in locked:
        assert (await other.wait("message", id=event))["decrypted"]
    await other.stop()


async def rights(ana, bob):
    room = (await ana.do("create_room", invite=[bob.user]))["room"]
    await bob.wait("invite", room=room)
    await bob.do("join", room=room)
    answer = await bob.ask("kick", room=room, user=ana.user)
    assert answer["error"]["errcode"] == "M_FORBIDDEN", answer
    await ana.do("power", room=room, user=bob.user, level=50)
    seen = await bob.wait("event", room=room, type="m.room.power_levels", sender=ana.user)
    assert seen
    await ana.do("kick", room=room, user=bob.user, reason="bye")
    assert (await ana.wait("member", room=room, user=bob.user, membership="leave"))["reason"] == "bye"
    await ana.do("enable_encryption", room=room)
    new = (await ana.do("upgrade", room=room, version="11"))["room"]
    assert (await ana.wait("event", room=room, type="m.room.tombstone"))["content"]["replacement_room"] == new


class Server:
    """Synapse in a folder."""

    def __init__(self, folder):
        with socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.folder, self.base = folder, f"http://127.0.0.1:{port}"
        subprocess.run([sys.executable, HERE / "homeserver.py", "configure", folder, str(port)], check=True)
        self.start()

    def start(self):
        log = open(f"{self.folder}.log", "a")
        arguments = [SYNAPSE, "-m", "synapse.app.homeserver", "-c", self.folder / "homeserver.yaml"]
        self.process = subprocess.Popen(arguments, stdout=log, stderr=log)
        end = time.time() + 120
        while True:
            try:
                return OPENER.open(self.base + "/health", timeout=5).read()
            except OSError:
                if time.time() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def register(self, user):
        arguments = [sys.executable, HERE / "homeserver.py", "register", self.base, user, "pw-" + user]
        return json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)["user_id"]


async def homeserver_killed(ana, bob):
    ana.server.process.kill()
    ana.server.process.wait()
    ana.server.start()
    said = (await ana.do("say", room=ana.room, body="after the fall"))["event"]
    assert (await bob.wait("message", id=said))["decrypted"]


async def main(folder):
    began, failed = time.time(), 0
    server = Server(folder / "synapse")
    print(f"      Synapse answers after {time.time() - began:.1f} s")
    try:
        humans = []
        for user in ("ana", "bob"):
            human = Human(server.base, folder / user)
            human.user, human.server = server.register(user), server
            human.device = (await human.start(user))["device"]
            humans.append(human)
        checks = [plain, encrypted, restarted, second_device, rights, homeserver_killed]
        for check in checks:
            began = time.time()
            try:
                await check(*humans)
                print(f"ok    {check.__name__} {time.time() - began:.2f} s")
            except Exception:
                failed += 1
                print(f"FAIL  {check.__name__}\n{traceback.format_exc()}")
        for human in humans:
            await human.stop()
    finally:
        server.process.terminate()
        server.process.wait(20)
        if failed:
            for log in folder.glob("*.log"):
                print(log, log.read_text()[-3000:])
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if asyncio.run(main(Path(folder))) else 0)
