# SPDX-License-Identifier: AGPL-3.0-or-later
"""The endpoints that bots call and YEPCord does not have, and those it has without what bots need of them."""

import asyncio
from datetime import datetime

from quart import request
from yepcord.asgi import app
from yepcord.gateway.events import MessageUpdateEvent, ThreadCreateEvent
from yepcord.rest_api.utils import allowBots, getApplication, getChannel, getGuildWM, getMessage, getUser
from yepcord.rest_api.utils import multipleDecorators, processMessageData
from yepcord.yepcord.ctx import getCore, getGw
from yepcord.yepcord.models import Application, ApplicationCommand, Channel, Reaction, ThreadMember
from yepcord.yepcord.models import ThreadMetadata, User
from yepcord.yepcord.snowflake import Snowflake

import patches
from interactions import form_refusal, payload, refusal, write
from payloads import flat, threads

API = "/api/v9"
# What was sent with a nonce that is to be enforced.
NONCES = {}

# --- Commands -------------------------------------------------------------------------------------------------------

_create_command = app.view_functions["applications.create_update_application_command"]


async def create_command(**path):
    """One command; its options are not required unless they say so, and one on a message has no description."""
    data = await request.get_json()  # the same dictionary that YEPCord gets
    data.setdefault("description", "")
    data["options"] = patches.required(data.get("options"), False)
    return await _create_command(**path)


@multipleDecorators(allowBots, getUser, getApplication)
async def commands(user, application, guild=None):
    """The commands of one scope: YEPCord mixes them."""
    found = ApplicationCommand.filter(application_id=application.id, guild_id=guild)
    full = request.args.get("with_localizations") == "true"
    return [command.ds_json(full) for command in await found.select_related("application", "guild")]


@multipleDecorators(allowBots, getUser, getApplication)
async def replace_commands(user, application, guild=None):
    """All commands of one scope at once: away with the old, then each through YEPCord's own endpoint."""
    await ApplicationCommand.filter(application_id=application.id, guild_id=guild).delete()
    made, headers = [], {"Authorization": request.headers["Authorization"]}
    for command in await request.get_json():
        command = {key: value for key, value in command.items() if value is not None}
        response = await app.test_client().post(request.path, json=command, headers=headers)
        body = await response.get_json()
        if response.status_code >= 300:
            return body, response.status_code
        made.append(body)
    return made


_search = app.view_functions["channels.search_application_commands"]


async def search(channel):
    """The commands that a channel offers; a thread offers its parent's, where YEPCord offers none."""
    found = await Channel.get_or_none(id=channel, type=11).select_related("parent")
    return await _search(channel=found.parent.id if found else channel)


app.view_functions["channels.search_application_commands"] = search
app.view_functions["applications.create_update_application_command"] = create_command
app.view_functions["applications.get_application_commands"] = commands
app.add_url_rule(f"{API}/applications/<int:application_id>/commands", "shim_replace", replace_commands, methods=["PUT"])
_guild_commands = f"{API}/applications/<int:application_id>/guilds/<int:guild>/commands"
app.add_url_rule(_guild_commands, "shim_guild_commands", commands, methods=["GET"])
app.add_url_rule(_guild_commands, "shim_guild_replace", replace_commands, methods=["PUT"])


@app.get(f"{API}/oauth2/applications/@me")
@multipleDecorators(allowBots, getUser)
async def own_application(user):
    """The application of a bot, which has its id."""
    found = await Application.get_or_none(id=user.id).select_related("owner")
    if found is None:
        raise refusal(404, 10002, "Unknown Application")
    return await found.ds_json() | {"bot_public": True, "bot_require_code_grant": False}


# --- Guilds and users -----------------------------------------------------------------------------------------------


@app.get(f"{API}/guilds/<int:guild>")
@multipleDecorators(allowBots, getUser, getGuildWM)
async def guild(user, guild, member):
    return flat(await guild.ds_json(user_id=user.id))


@app.get(f"{API}/guilds/<int:guild>/channels")
@multipleDecorators(allowBots, getUser, getGuildWM)
async def guild_channels(user, guild, member):
    return [await channel.ds_json() for channel in await getCore().getGuildChannels(guild)]


@app.get(f"{API}/guilds/<int:guild>/threads/active")
@multipleDecorators(allowBots, getUser, getGuildWM)
async def guild_threads(user, guild, member):
    return {"threads": await threads(guild), "members": []}


@app.get(f"{API}/guilds/<int:guild>/members")
@multipleDecorators(allowBots, getUser, getGuildWM)
async def guild_members(user, guild, member):
    return [await one.ds_json() for one in await getCore().getGuildMembers(guild)]


@app.get(f"{API}/guilds/<int:guild>/members/<int:who>")
@multipleDecorators(allowBots, getUser, getGuildWM)
async def guild_member(user, guild, member, who):
    found = await getCore().getGuildMember(guild, who)
    if found is None:
        raise refusal(404, 10007, "Unknown Member")
    return await found.ds_json()


@app.get(f"{API}/users/<int:who>")
@multipleDecorators(allowBots, getUser)
async def someone(user, who):
    found = await User.y.get(who)
    if found is None:
        raise refusal(404, 10013, "Unknown User")
    return (await found.data).ds_json


# --- Channels and threads -------------------------------------------------------------------------------------------

_get_channel = app.view_functions["channels.get_channel"]
_open_dm = app.view_functions["users_@me.new_dm_channel"]


async def described(channel, **how):
    """A channel as Discord tells it: of threads YEPCord describes public ones only."""
    kind, channel.type = channel.type, 11 if channel.type == 12 else channel.type
    it = await channel.ds_json(**how) | {"type": kind}
    channel.type = kind
    return it


@multipleDecorators(allowBots, getUser, getChannel)
async def channel(user, channel):
    """A DM names the other user, as bots read it."""
    return await described(channel, user_id=user.id, with_ids=False)


async def open_dm():
    """A bot opens a DM with `recipient_id`."""
    data = await request.get_json()
    if "recipient_id" in data:
        data["recipients"] = [int(data.pop("recipient_id"))]
    return await _open_dm()


app.view_functions["channels.get_channel"] = channel
app.view_functions["users_@me.new_dm_channel"] = open_dm


@app.post(f"{API}/channels/<int:channel>/threads")
@multipleDecorators(allowBots, getUser, getChannel)
async def thread(user, channel):
    """A thread that starts from no message."""
    data = await request.get_json()
    made = await Channel.create(
        id=Snowflake.makeId(), type=data.get("type", 11), guild=channel.guild, name=data["name"], owner=user,
        parent=channel, flags=0,
    )
    await ThreadMember.create(id=Snowflake.makeId(), user=user, channel=made, guild=channel.guild)
    never, idle = datetime(1970, 1, 1), data.get("auto_archive_duration") or 1440
    await ThreadMetadata.create(id=made.id, channel=made, archive_timestamp=never, auto_archive_duration=idle)
    it = await described(made)
    heard = {"guild_id": channel.guild.id} if made.type == 11 else {"users": [user.id]}
    await getGw().dispatch(ThreadCreateEvent(it | {"newly_created": True}), **heard)
    return it, 201


@app.put(f"{API}/channels/<int:channel>/thread-members/<who>")
@multipleDecorators(allowBots, getUser, getChannel)
async def join_thread(user, channel, who):
    """Everyone in the guild is in its public threads already; YEPCord lets nobody else into the others."""
    other = user if who == "@me" else await User.get(id=int(who))
    known = {"user": other, "channel": channel, "guild": channel.guild}
    if channel.type != 11 and not await ThreadMember.exists(**known):
        await ThreadMember.create(id=Snowflake.makeId(), **known)
    return "", 204


@app.get(f"{API}/channels/<int:channel>/thread-members/<who>")
@multipleDecorators(allowBots, getUser, getChannel)
async def thread_member(user, channel, who):
    """Who was taken into a thread."""
    found = await getCore().getThreadMember(channel, int(who))
    if found is None:
        raise refusal(404, 10007, "Unknown Member")
    return found.ds_json()


# --- Messages -------------------------------------------------------------------------------------------------------

_send = app.view_functions["channels.send_message"]
_edit = app.view_functions["channels.edit_message"]


async def send(channel):
    """A message; with a nonce to enforce, the second one is the first."""
    data = await payload()
    nonce = data.get("nonce")
    if nonce is not None and len(str(nonce)) > 25:
        raise form_refusal("nonce", "Must be 25 or fewer in length.")
    key = request.headers.get("Authorization"), channel, str(nonce)
    if nonce is None or not data.get("enforce_nonce"):
        return await _send(channel=channel)
    sent = NONCES.get(key)
    if sent is None or sent.done() and sent.exception():
        # Kept before it is done, and done though the bot hangs up: the same may be sent again meanwhile.
        sent = NONCES[key] = asyncio.ensure_future(_send(channel=channel))
    return await asyncio.shield(sent)


async def edit(channel, message):
    """An edit with files; without, it is YEPCord's."""
    return await (_edit if request.is_json else edit_with_files)(channel=channel, message=message)


@multipleDecorators(allowBots, getUser, getChannel, getMessage)
async def edit_with_files(user, channel, message):
    if message.author != user:
        raise refusal(403, 50005, "Cannot edit a message authored by another user")
    data, files = await processMessageData(None, channel)
    await message.update(edit_timestamp=datetime.now())
    return await write(message, data, files, MessageUpdateEvent)


app.view_functions["channels.send_message"] = send
app.view_functions["channels.edit_message"] = edit


@app.delete(f"{API}/channels/<int:channel>/messages/<int:message>/reactions", defaults={"emoji": None})
@app.delete(f"{API}/channels/<int:channel>/messages/<int:message>/reactions/<emoji>")
@multipleDecorators(allowBots, getUser, getChannel, getMessage)
async def clear_reactions(user, channel, message, emoji):
    found = Reaction.filter(message_id=message.id)
    await (found.filter(emoji_name=emoji) if emoji else found).delete()
    return "", 204


# --- The hook that needs a user -------------------------------------------------------------------------------------


@app.get("/__shim/inbox")
@getUser
async def inbox(user):
    """What the gateway has had for this user from the event of number `after` on, and the number to ask with next."""
    events, after = patches.INBOX.get(user.id, []), int(request.args.get("after", 0))
    return {"events": events[after:], "next": len(events)}
