//! One process on both platforms, for what goes from one to the other.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{
    peers::{
        synapse::{Limits, Synapse},
        yepcord::{Furniture, MANAGE_GUILD, Yepcord},
    },
    served::Served,
};

use crate::{
    discord, matrix,
    platforms::{
        self, WITHIN,
        bridges::{self, KEYS},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_discord_channel_and_a_matrix_room_understand_each_other() -> Result<()> {
    tests::phrasebook();
    let (yepcord, synapse) = tokio::try_join!(Yepcord::start(), Synapse::start(Limits::Off))?;
    let furniture = Furniture {
        humans: &["ana"],
        guild: "lab",
        channels: &["seminar"],
        roles: &[("chair", MANAGE_GUILD)],
        bot: "colloquy",
    };
    let guild = yepcord.furnish(furniture).await?;
    let bot = synapse.register("colloquy").await?;
    let (discord_base, matrix_base) = (yepcord.base(), synapse.base());
    let of_peers = [
        ("discord.api_base", discord_base.as_str()),
        ("discord.message_content", "true"),
        ("matrix.homeserver", matrix_base.as_str()),
        ("matrix.user", &bot),
        ("matrix.allow", "*"),
        ("matrix.edit_gap_ms", "500"),
    ];
    let (token, password) = (guild.bot_token.clone(), synapse.password("colloquy"));
    let secrets = [("COLLOQUY_DISCORD_TOKEN", token.as_str()), ("COLLOQUY_MATRIX_PASSWORD", password.as_str())];
    let mut served = Served::new(&[KEYS.as_slice(), &of_peers].concat(), &secrets)?;
    let said = served.run(&["matrix", "setup"]).await?;
    ensure!(said.contains("recovery key"), "{said}");
    platforms::serve(&mut served).await?;

    let bob = synapse.human("bob").await?;
    let room = bob.create_room(json!({"name": "Seminar", "encrypted": true, "invite": [bot]})).await?;
    bob.wait_member(&room, &bot, "join", WITHIN).await?;
    let (ana, bob) = (discord::Seat::new(&guild, "ana", "seminar"), matrix::Seat::new(&bob, &room, &bot));
    bridges::two_rooms_understand_each_other(&ana, &bob).await
}
