//! The plugins, one module each, and the one list of them.
//!
//! A plugin is a static [`Manifest`](chat::Manifest) and one `async fn run`; it is added to [`all`] and nowhere else.
//! [`guard`] is what every plugin that writes text sends it through.

pub mod cite;
pub mod feedback;
pub mod guard;
pub mod help;
pub mod matching;
pub mod moderation;
pub mod privacy;
pub mod profile;
pub mod qa;
pub mod recommendation;
pub mod rights;
pub mod shelf;
pub mod summary;
pub mod translation;

mod stored;

use std::sync::Arc;

use chat::ports::Plugin;

/// Every plugin. The first command of the first is what a bare mention means.
pub fn all() -> Vec<Arc<dyn Plugin>> {
    let mut plugins: Vec<Arc<dyn Plugin>> = vec![
        Arc::new(qa::Qa),
        Arc::new(summary::Summary),
        Arc::new(translation::Translation::default()),
        Arc::new(shelf::Shelf),
        Arc::new(recommendation::Recommendation),
        Arc::new(profile::Profiles),
        Arc::new(matching::Matching::default()),
        Arc::new(feedback::Feedback),
        Arc::new(rights::RightsOf),
        Arc::new(privacy::Privacy),
        Arc::new(moderation::Moderation),
    ];
    let manifests = plugins.iter().map(|plugin| plugin.manifest()).chain([help::MANIFEST]).collect();
    plugins.push(Arc::new(help::Help::new(manifests)));
    plugins
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_manifest_is_complete_and_every_command_name_unique() {
        let mut names = HashSet::new();
        for plugin in all() {
            for command in plugin.manifest().commands {
                assert!(names.insert(command.name), "{} stands twice", command.name);
                assert!(!command.help.en.is_empty() && !command.help.zh.is_empty(), "{}", command.name);
                assert!(!command.examples.is_empty(), "{} has no example", command.name);
                let words = command.arguments.iter().map(|argument| argument.name).chain([command.name]);
                for word in words {
                    assert!(word.chars().all(|c| c.is_ascii_lowercase()) && word.len() <= 32, "`{word}`");
                }
            }
        }
    }
}
