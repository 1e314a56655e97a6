//! Two accounts of one person: each sees the other's name and confirms with a code that it alone was shown.
//!
//! **Invariant:** nothing of the one is shared with the other before both confirmed; both are told when they did.

use chat::{Action, Cx, Event, PluginError, cx::Side, people::Linking, ports::Notice};

/// How long an offer can be taken up.
const OFFER_MINUTES: i64 = 15;

/// An offer for the caller, or what a code does.
pub async fn link(cx: &Cx, code: &str) -> Result<(), PluginError> {
    if code.is_empty() {
        return match cx.pending_link().await? {
            Some((side, code)) => {
                cx.say(asked(cx, &side, &code))?;
                cx.reply(Event::Actions { actions: answers(cx, &code) })
            }
            None => offer(cx).await,
        };
    }
    match cx.say_link(code).await? {
        Some((Linking::Shown(side), code)) => {
            cx.say(shown(cx, &side, &code))?;
            cx.reply(Event::Actions { actions: answers(cx, &code) })
        }
        Some((Linking::Confirmed(side), code)) => confirmed(cx, &side, &code).await,
        Some((Linking::Linked(side), _)) => linked(cx, &side, code).await,
        None => cx.say(nothing(cx)),
    }
}

/// The accounts are not both the caller's.
pub async fn refuse(cx: &Cx, code: &str) -> Result<(), PluginError> {
    if !cx.refuse_link(code).await? {
        return cx.say(nothing(cx));
    }
    cx.say(cx.said("The accounts stay apart, and that code does nothing any more.", "两个账号保持独立，该代码已失效。"))
}

async fn offer(cx: &Cx) -> Result<(), PluginError> {
    let code = cx.offer_link(OFFER_MINUTES).await?;
    cx.say(cx.said(
        &format!(
            "With your other account, say `link {code}` to me within {OFFER_MINUTES} minutes. Both accounts then see each other's \
             name, and both must confirm. Tell the code nobody else."
        ),
        &format!(
            "请在 {OFFER_MINUTES} 分钟内用您的另一个账号对我说 `link {code}`。届时双方会看到对方的名称，且均须确认。请勿将代码告诉他人。"
        ),
    ))
}

/// What linking means, for whoever is to confirm it.
fn meaning(cx: &Cx) -> String {
    cx.said(
        "With each of the two accounts one can then read, export and erase what I keep of the other: private papers, profile, \
         questions and answers. What you allowed me stays allowed only where both accounts allow it. Roles are not shared. \
         `unlink` parts the accounts again.\nConfirm only if both accounts are yours: if somebody asked you to do this, they want \
         to read what is yours.",
        "此后用任一账号都可以读取、导出和删除我保存的关于另一账号的内容：私人文献、资料、提问与回答。\
         只有两个账号都同意的事项才继续有效。角色不会共享。可用 `unlink` 解除关联。\n\
         仅当两个账号都属于您时才确认：如果有人让您这样做，那么对方是想读取您的内容。",
    )
}

/// The other account, with those that come with it.
fn named(cx: &Cx, side: &Side) -> String {
    let others: Vec<String> = side
        .accounts()
        .iter()
        .filter(|account| *account != side.member())
        .map(|account| format!("`{}`", account.0.replace('`', "")))
        .collect();
    let name = format!("**{}**", cx.name_of(side));
    match others.as_slice() {
        [] => name,
        others => cx.said(
            &format!("{name}, which is linked with {}", others.join(", ")),
            &format!("{name}（已与 {} 关联）", others.join("、")),
        ),
    }
}

/// For the account that said the code of an offer.
fn shown(cx: &Cx, side: &Side, code: &str) -> String {
    let name = named(cx, side);
    let head =
        cx.said(&format!("That code is of another account: {name}."), &format!("该代码属于另一个账号：{name}。"));
    let tail = cx.said(
        &format!("To confirm, say `link {code}` now; the other account is then asked to confirm too."),
        &format!("如需确认，请现在说 `link {code}`；随后另一个账号也须确认。"),
    );
    format!("{head} {}\n{tail}", meaning(cx))
}

/// For the account that made the offer.
fn asked(cx: &Cx, side: &Side, code: &str) -> String {
    let name = named(cx, side);
    let head = cx.said(
        &format!("Another account wants to be linked with this one: {name}."),
        &format!("另一个账号希望与此账号关联：{name}。"),
    );
    let tail = cx.said(
        &format!("To confirm, say `link {code}` within a day."),
        &format!("如需确认，请在一天内说 `link {code}`。"),
    );
    format!("{head} {}\n{tail}", meaning(cx))
}

fn answers(cx: &Cx, code: &str) -> Vec<Action> {
    let action = |label: String, command: String| Action { label, command };
    vec![
        action(cx.said("Both accounts are mine", "两个账号都是我的"), format!("link {code}")),
        action(cx.said("They are not both mine", "并非都是我的"), format!("link {code} --refuse")),
    ]
}

/// The first of the two confirmed: the other one is asked.
async fn confirmed(cx: &Cx, side: &Side, code: &str) -> Result<(), PluginError> {
    let own = cx.own_side().await?;
    let text = asked(cx, &own, code);
    let of = Some(own.member().clone());
    let notice = Notice { actions: answers(cx, code), of, ..Notice::new(format!("link/{code}"), text) };
    let name = cx.name_of(side);
    cx.say(match cx.tell_side(side, notice).await? {
        true => cx.said(
            &format!("I asked {name} to confirm within a day. Until then nothing is shared."),
            &format!("我已请 {name} 在一天内确认。在此之前不会共享任何内容。"),
        ),
        false => cx.said(
            &format!(
                "I cannot write to {name} by myself: say `link` with it within a day. Until then nothing is shared."
            ),
            &format!("我无法主动联系 {name}：请在一天内用该账号说 `link`。在此之前不会共享任何内容。"),
        ),
    })
}

/// Both confirmed.
async fn linked(cx: &Cx, side: &Side, code: &str) -> Result<(), PluginError> {
    let own = cx.own_side().await?;
    for (key, to, of) in [("other", side, &own), ("own", &own, side)] {
        let name = cx.name_of(of);
        let text = cx.said(
            &format!("This account is now linked with {name}: both confirmed it. If that was not you, say `unlink`."),
            &format!("此账号已与 {name} 关联：双方均已确认。如非本人操作，请说 `unlink`。"),
        );
        let notice =
            Notice { of: Some(of.member().clone()), ..Notice::new(format!("linked/{key}/{}", code.trim()), text) };
        // Where a platform tells nobody anything unasked, `privacy` shows it.
        cx.tell_side(to, notice).await?;
    }
    cx.say(cx.said(
        "Your accounts are linked: what is yours is yours with both. What you allow holds where both accounts allow it.",
        "您的账号已关联：两个账号共享您的内容。只有两个账号都同意的事项才有效。",
    ))
}

fn nothing(cx: &Cx) -> String {
    cx.said(
        "That code does nothing: it was not given to you or to another account lately. Get a new one by `link` with your other \
         account.",
        "该代码无效：近期没有向您或其他账号发放此代码。请用您的另一个账号通过 `link` 获取新代码。",
    )
}
