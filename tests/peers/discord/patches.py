# SPDX-License-Identifier: AGPL-3.0-or-later
"""Patches of YEPCord in this process, each with what is wrong without it. Nothing is edited where it is installed."""

from types import SimpleNamespace
from typing import Any, Optional, Union

from pydantic.fields import FieldInfo
from quart import request
from yepcord.gateway.gateway import GatewayEvents
from yepcord.rest_api import utils
from yepcord.rest_api.models import applications, channels, interactions, webhooks
from yepcord.rest_api.utils import get_multipart_json  # before it is replaced below
from yepcord.yepcord.core import Core
from yepcord.yepcord.enums import ChannelType
from yepcord.yepcord.models import ApplicationCommand, Bot, Channel, ThreadMember
from yepcord.yepcord.models._utils import Model

# What the gateway has had for each user, seen or not: `GET /__shim/inbox` reads it.
INBOX = {}

# --- Requests -------------------------------------------------------------------------------------------------------

_session = utils.getSessionFromToken


async def session(token):
    """Bots may use every endpoint that users may: YEPCord forgot some, as opening a DM."""
    if token[:4].lower() == "bot ":
        return await Bot.from_token(token[4:])
    return await _session(token)


async def multipart():
    """An answer to an interaction wraps its message, and a form may name no attachments."""
    data = await get_multipart_json()
    if "type" in data and "data" in data:
        data = data["data"]
    if "attachments" not in data:
        data["attachments"] = [{"id": None}] * len(await request.files)
    return data


def picture(file):
    """The measures of a picture, or none of one that Pillow does not know (SVG)."""
    try:
        return _open(file)
    except Exception:
        return SimpleNamespace(height=None, width=None, close=lambda: None)


_open = utils.Image.open
utils.getSessionFromToken = session
utils.get_multipart_json = multipart
utils.Image = SimpleNamespace(open=picture)

# --- Models ---------------------------------------------------------------------------------------------------------


def fields(*models, **added):
    """Adds or replaces fields of request models."""
    for model in models:
        for name, (kind, default) in added.items():
            factory = {"default_factory": default} if default is list else {"default": default}
            model.model_fields[name] = FieldInfo(annotation=kind, **factory)
    for model in models:
        model.model_rebuild(force=True)


# An embed needs no title; messages may have components; a nonce may be a number.
fields(channels.EmbedModel, title=(Optional[str], None))
fields(channels.MessageCreate, webhooks.WebhookMessageCreate, components=(list, list), nonce=(Any, None))
fields(channels.MessageUpdate, interactions.InteractionRespondData, components=(list, list))
interactions.InteractionRespond.model_rebuild(force=True)
# A choice is a name and a value; a command may want permissions.
fields(applications.CommandOption, choices=(Optional[list[Union[dict, str, int, float]]], None))
fields(applications.CreateCommand, default_member_permissions=(Optional[int], None))
# An edit with `components: []` takes the buttons away: YEPCord leaves out what equals the default.
channels.MessageUpdate.to_json = lambda self: self.model_dump(exclude_unset=True)

_validate_reply = channels.MessageCreate.validate_reply


def validate_reply(self, channel, target):
    """A reply in a DM: YEPCord asks for the guild of the channel and raises."""
    if channel.guild is not None:
        return _validate_reply(self, channel, target)
    if target is None:
        self.message_reference = None
    else:
        self.message_reference.channel_id = channel.id


channels.MessageCreate.validate_reply = validate_reply
_command = ApplicationCommand.ds_json


def required(options, otherwise):
    """Options that all say whether they are required: Discord's default is no, YEPCord's is yes, and not stored."""
    out = []
    for option in options or []:
        option = dict(option)
        if option["type"] > 2:
            option.setdefault("required", otherwise)
        elif "options" in option:
            option["options"] = required(option["options"], otherwise)
        out.append(option)
    return out


def command(self, with_localizations=False):
    """A guild's command without its guild fetched, which the search of commands forgets and raises."""
    guild, self.__dict__["_guild"] = self.guild_id, None
    it = _command(self, with_localizations) | {"options": required(self.options, True)}
    return it | ({"guild_id": str(guild)} if guild else {})


ApplicationCommand.ds_json = command

# --- Threads --------------------------------------------------------------------------------------------------------

_by_channel, _related = Core.getUserByChannel, Core.getRelatedUsersToChannel


async def by_channel(self, channel, user_id):
    """Every member of a guild may read and write in its public threads; YEPCord lets only the creator in."""
    if channel.type == ChannelType.GUILD_PUBLIC_THREAD:
        return await self.getGuildMember(channel.guild, user_id)
    return await _by_channel(self, channel, user_id)


async def related(self, channel, ids=True):
    """So every member hears of what is said there."""
    if isinstance(channel, int):
        channel = await Channel.get_or_none(id=channel).select_related("guild")
    if channel and channel.type == ChannelType.GUILD_PUBLIC_THREAD:
        return [member.user.id for member in await self.getGuildMembers(channel.guild)]
    return await _related(self, channel, ids)


async def thread_member(self, thread, user_id):
    """With who it is: YEPCord asks for that where somebody is named in a private thread."""
    found = ThreadMember.get_or_none(channel=thread, user__id=user_id)
    return await found.select_related("user", "channel", "guild")


async def no_threads(self, guild, user_id):
    """YEPCord puts coroutines into a guild's threads; `payloads.threads` has them for bots."""
    return []


Core.getUserByChannel, Core.getRelatedUsersToChannel, Core.getGuildMemberThreads = by_channel, related, no_threads
Core.getThreadMember = thread_member

# --- Noise ----------------------------------------------------------------------------------------------------------


async def quiet(self, message):
    """YEPCord counts the unread in a task that always raises."""
    return message


Core.sendMessage = quiet

# --- The inbox ------------------------------------------------------------------------------------------------------

_send = GatewayEvents.sendToUsers


async def send(self, event, users):
    """Keeps what goes out: a test's human polls and has no socket."""
    if event.data is not None:
        for user in users:
            INBOX.setdefault(user, []).append({"t": event.data.get("t"), "d": event.data.get("d")})
    await _send(self, event, users)


GatewayEvents.sendToUsers = send

# --- Lost updates ----------------------------------------------------------------------------------------------

async def update(self, **kwargs):
    """YEPCord writes the whole row, as it was when it was read: a reader's bookkeeping undoes another's change."""
    await self.update_from_dict(kwargs)
    foreign = self._meta.fk_fields | self._meta.o2o_fields
    await self.save(update_fields=[f"{key}_id" if key in foreign else key for key in kwargs])


Model.update = update
