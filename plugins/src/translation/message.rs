//! A message in another language, as Markdown.

use chat::{
    Cx, Event, PluginError,
    ports::EmbedTask,
    text::{carried, inert},
};

use super::{
    Direction, back, directed,
    glossary::Glossary,
    guess,
    languages::{chinese, english},
    render::Renderer,
    structure::{Document, Format, apart, together},
    terms,
};

/// Translates a message, and back again where that is wished.
pub async fn translate(cx: &Cx, text: &str, wish: &str, is_checked: bool) -> Result<(), PluginError> {
    let Ok(document) = Document::read(Format::Markdown, &apart(text)) else {
        return cx.say(cx.said("That is too long for me.", "内容太长了。"));
    };
    let Some(direction) = directed(cx, &document, wish).await? else { return Ok(()) };
    let Direction { from, to, .. } = direction;
    cx.reply(Event::Progress { text: cx.said("Translating ...", "正在翻译……") })?;
    let glossary = terms::load(cx).await?;
    let (translated, tally) = Renderer::new(cx, from, to, &glossary).document(&document, &mut |_| Ok(())).await?;
    let translated = together(&translated);
    if tally.translated == 0 {
        cx.decided("nothing of the message could be translated: the original is shown".to_owned());
        cx.say(cx.said(
            "I could not translate this so that its formulas, numbers and links survive; here it is as it stands.",
            "我无法在保留其公式、数字和链接的前提下翻译这段内容；以下是原文。",
        ))?;
        return cx.say(format!("\n\n{}", carried(text)));
    }
    cx.say(carried(&translated))?;
    let mut notes = Vec::new();
    notes.extend(direction.doubt(cx));
    match (tally.kept(), tally.translated + tally.kept()) {
        (0, _) => {}
        (kept, all) => notes.push(cx.said(
            &format!("({kept} of {all} paragraphs stand in the original: what came for them did not hold.)"),
            &format!("（{all} 段中有 {kept} 段保留原文：其译文未通过核对。）"),
        )),
    }
    notes.extend(guess(cx, &direction));
    if !notes.is_empty() {
        cx.say(format!("\n\n{}", notes.join("\n")))?;
    }
    if is_checked { check(cx, text, &translated, &direction).await } else { Ok(()) }
}

/// Translates a translation back, and shows how that differs from the source.
async fn check(cx: &Cx, source: &str, translated: &str, direction: &Direction) -> Result<(), PluginError> {
    cx.reply(Event::Progress { text: cx.said("Translating it back ...", "正在回译……") })?;
    let fails = || cx.said("\n\n(I could not translate it back.)", "\n\n（无法回译。）");
    let Ok(document) = Document::read(Format::Markdown, &apart(translated)) else { return cx.say(fails()) };
    // Without the glossary, which would hide what it put in.
    let (none, Direction { from, to, .. }) = (Glossary::default(), direction);
    let (back, tally) = Renderer::new(cx, to, from, &none).document(&document, &mut |_| Ok(())).await?;
    let back = together(&back);
    if tally.translated == 0 {
        return cx.say(fails());
    }
    let rows = cx.embed(EmbedTask::Passage, &[source, &back]).await?;
    let cosine = match rows.as_slice() {
        [one, two] => back::cosine(one, two),
        _ => 0.0,
    };
    let found = back::difference(source, &back);
    let quoted: Vec<String> = carried(&back).lines().map(|line| format!("> {line}")).collect();
    let (quoted, all, came) = (quoted.join("\n"), found.fixed, found.back);
    let fixed = match all {
        0 => String::new(),
        _ => cx.said(
            &format!("; {came} of {all} numbers and protected parts came back"),
            &format!("；{all} 个数字和受保护部分中有 {came} 个还原"),
        ),
    };
    cx.say(cx.said(
        &format!("\n\nTranslated back into {}:\n{quoted}\n\nSimilarity {cosine:.2} of 1{fixed}.", english(from)),
        &format!("\n\n回译为{}：\n{quoted}\n\n相似度 {cosine:.2}（满分 1）{fixed}。", chinese(from)),
    ))?;
    for (before, after) in found.changes {
        let side = |words: &str| match words {
            "" => cx.said("nothing", "（无）"),
            words => format!("“{}”", inert(words)),
        };
        cx.say(format!("\n- {} → {}", side(&before), side(&after)))?;
    }
    Ok(())
}
