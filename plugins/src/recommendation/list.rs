//! A list of chosen papers: each with its reasons, and what can be said of it in one press.

use chat::{
    Action, Cx, Document, Event, Passage, PluginError,
    cx::{Cited, Shown},
    ports::{Because, Recommended, Verdict},
};

use crate::shelf::named;

/// Papers of one list: each has a row of buttons, and platforms show five rows.
pub const LIST_MAX: usize = 5;

/// Tells the papers, and remembers them by their numbers: `mark` and `line` know them again.
///
/// # Errors
/// [`PluginError`].
pub async fn tell(cx: &Cx, question: &str, papers: &[Recommended]) -> Result<(), PluginError> {
    let (mut lines, mut shown) = (Vec::new(), Vec::new());
    for paper in papers.iter().take(LIST_MAX) {
        // It may have been taken out since it was chosen.
        let Some((document, passages)) = cx.document(&paper.document).await? else { continue };
        let Some(first) = passages.first() else { continue };
        shown.push(Shown { passage: first.id.clone(), line: first_line(&document, first) });
        lines.push(line(cx, shown.len(), &document, &paper.because));
    }
    let count = shown.len();
    cx.cite(&Cited { question: question.to_owned(), shown }).await?;
    cx.say(lines.join("\n"))?;
    cx.reply(Event::Actions { actions: (1..=count).flat_map(|number| actions(cx, number)).collect() })
}

fn first_line(document: &Document, passage: &Passage) -> String {
    let language = document.language.as_deref().unwrap_or("en");
    let first = chat::text::sentences(&passage.text, language).into_iter().next();
    first.and_then(|range| passage.text.get(range)).unwrap_or(&passage.text).trim().to_owned()
}

fn line(cx: &Cx, number: usize, document: &Document, because: &[Because]) -> String {
    let by = named(&document.authors_short());
    let of: Vec<String> =
        (!by.is_empty()).then_some(by).into_iter().chain(document.year.map(|y| y.to_string())).collect();
    let of = if of.is_empty() { String::new() } else { format!(" ({})", of.join(", ")) };
    let link = document.link().map(|link| format!(" {link}")).unwrap_or_default();
    let why = why(cx.language(), because);
    format!("{number}. **{}**{of}{link}\n   {why}", named(&document.title))
}

/// What can be said of one, a row of buttons.
fn actions(cx: &Cx, number: usize) -> Vec<Action> {
    let label = |verdict: Verdict| match verdict {
        Verdict::Up => "👍".to_owned(),
        Verdict::Down => "👎".to_owned(),
        Verdict::Saved => cx.said("Save", "收藏"),
        Verdict::Dismissed => cx.said("Not this", "不看"),
        Verdict::More => cx.said("More like", "类似"),
    };
    let action = |verdict: Verdict| Action {
        label: format!("{} {number}", label(verdict)),
        command: format!("mark {} {number}", verdict.name()),
    };
    Verdict::ALL.map(action).to_vec()
}

/// The reasons, in a line.
fn why(language: &str, because: &[Because]) -> String {
    let is_chinese = language == "zh";
    let said = |english: String, chinese: String| if is_chinese { chinese } else { english };
    let words = |words: &[String]| {
        words.iter().map(|word| named(word)).collect::<Vec<_>>().join(said(", ".into(), "、".into()).as_str())
    };
    let is_new = because.iter().find_map(|one| if let Because::New(days) = one { Some(*days) } else { None });
    let topic = because.iter().find_map(|one| if let Because::Topic(words) = one { Some(words) } else { None });
    let mut parts = Vec::new();
    for one in because {
        parts.push(match one {
            Because::Near(title, verdict) => {
                let title = named(title);
                let (english, chinese) = match verdict {
                    Verdict::Saved => ("you saved", "您收藏了"),
                    Verdict::More => ("you wanted more like", "您想看更多类似"),
                    _ => ("you liked", "您喜欢"),
                };
                said(format!("because {english} “{title}”"), format!("因为{chinese}《{title}》"))
            }
            Because::Profile(entry) => {
                let entry = named(entry);
                said(format!("close to your profile: “{entry}”"), format!("与您的资料接近：“{entry}”"))
            }
            // Told with the other: new in one's topic.
            Because::Topic(_) if is_new.is_some() => continue,
            Because::Topic(topic) => {
                let topic = words(topic);
                said(format!("in your topic: {topic}"), format!("属于您的主题：{topic}"))
            }
            Because::Together(title) => {
                let title = named(title);
                said(format!("liked by those who like “{title}”"), format!("喜欢《{title}》的人也喜欢它"))
            }
            Because::Popular(likes) => said(format!("{likes} people here like it"), format!("这里有 {likes} 人喜欢它")),
            Because::New(days) => {
                let since = match days {
                    0 => said("new today".into(), "今天新到".into()),
                    1 => said("new since yesterday".into(), "昨天新到".into()),
                    days => said(format!("new {days} days ago"), format!("{days} 天前新到")),
                };
                match topic.map(|topic| words(topic)) {
                    Some(topic) => {
                        said(format!("{since}, in your topic: {topic}"), format!("{since}，属于您的主题：{topic}"))
                    }
                    None => since,
                }
            }
        });
    }
    if parts.is_empty() {
        return said("to fill the list: nothing special speaks for it".into(), "补足列表：没有特别的理由".into());
    }
    parts.join(said("; ".into(), "；".into()).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_and_what_is_new_in_ones_topic_is_one() {
        let topic = || Because::Topic(vec!["trees".to_owned(), "parsing".to_owned()]);
        let all = [Because::Near("On *Trees*".to_owned(), Verdict::Saved), topic(), Because::New(3)];
        assert_eq!(
            why("en", &all),
            "because you saved “On \\*Trees\\*”; new 3 days ago, in your topic: trees, parsing"
        );
        assert_eq!(why("zh", &all), "因为您收藏了《On \\*Trees\\*》；3 天前新到，属于您的主题：trees、parsing");
        assert_eq!(why("en", &[topic(), Because::Popular(4)]), "in your topic: trees, parsing; 4 people here like it");
        let entry = Because::Profile("I parse trees".to_owned());
        assert_eq!(why("en", &[entry, Because::New(0)]), "close to your profile: “I parse trees”; new today");
        assert_eq!(why("en", &[Because::Together("X".to_owned())]), "liked by those who like “X”");
        assert_eq!(why("en", &[]), "to fill the list: nothing special speaks for it");
    }
}
