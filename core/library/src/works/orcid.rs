//! ORCID's public API: the answer of `/works`, of `/works/CODES` (`bulk`) and the whole `/record`.
//!
//! <https://info.orcid.org/documentation/api-tutorials/api-tutorial-read-data-on-a-record/>

use serde_json::Value;

use super::{
    ListedWork, Works,
    json::{items, text, year},
};
use crate::identity;

/// Reads an answer; none where it is no ORCID's.
pub(super) fn read(value: &Value) -> Option<Works> {
    let groups = ["/group", "/activities-summary/works/group", "/works/group"]
        .iter()
        .find(|pointer| value.pointer(pointer).is_some_and(Value::is_array));
    let is_record = value.pointer("/orcid-identifier").is_some();
    let bulk = items(value, "/bulk");
    if groups.is_none() && !is_record && bulk.is_empty() {
        return None;
    }
    let mut found = Works::default();
    for (number, group) in groups.map_or(&[][..], |pointer| items(value, pointer)).iter().enumerate() {
        match work(items(group, "/work-summary"), group) {
            Some(work) => found.works.push(work),
            None => found.refused.push(format!("Work {} has no title.", number + 1)),
        }
    }
    for (number, work_of) in bulk.iter().enumerate() {
        match work_of.pointer("/work").and_then(|whole| work(std::slice::from_ref(whole), whole)) {
            Some(work) => found.works.push(work),
            None => found.refused.push(format!("Work {} has no title.", number + 1)),
        }
    }
    found.names = names(value);
    let path = text(value, "/orcid-identifier/path").or_else(|| text(value, "/path"));
    found.ids.extend(path.and_then(id));
    Some(found)
}

/// The work that several sources describe: the first word on each thing counts.
fn work(summaries: &[Value], group: &Value) -> Option<ListedWork> {
    let first = |pointer: &str| summaries.iter().find_map(|summary| text(summary, pointer)).map(str::to_owned);
    let title = match (first("/title/title/value")?, first("/title/subtitle/value")) {
        (title, Some(subtitle)) => format!("{title}: {subtitle}"),
        (title, None) => title,
    };
    let authors = summaries
        .iter()
        .map(|summary| items(summary, "/contributors/contributor"))
        .find(|contributors| !contributors.is_empty());
    let mut ids: Vec<String> = summaries
        .iter()
        .chain([group])
        .flat_map(|part| items(part, "/external-ids/external-id"))
        .filter_map(external)
        .collect();
    super::distinct(&mut ids);
    Some(ListedWork {
        title,
        summary: first("/short-description").unwrap_or_default(),
        authors: authors
            .unwrap_or_default()
            .iter()
            .filter_map(|author| text(author, "/credit-name/value").map(str::to_owned))
            .collect(),
        year: summaries.iter().find_map(|summary| year(summary.pointer("/publication-date/year/value"))),
        ids,
    })
}

/// A name of the work itself: that of the book or of an earlier version says nothing of it.
fn external(id: &Value) -> Option<String> {
    if text(id, "/external-id-relationship").is_some_and(|relation| !relation.eq_ignore_ascii_case("self")) {
        return None;
    }
    let value = text(id, "/external-id-value")?;
    match text(id, "/external-id-type")?.to_lowercase().as_str() {
        "doi" => identity::doi(value).map(|id| format!("doi:{id}")),
        "arxiv" => identity::arxiv(value).map(|id| format!("arxiv:{id}")),
        "pmid" => Some(format!("pubmed:{}", value.to_lowercase())),
        "pmc" => {
            let value = value.to_lowercase();
            Some(format!("pubmed:{}{value}", if value.starts_with("pmc") { "" } else { "pmc" }))
        }
        _ => None,
    }
}

/// Every name that the record gives: the one of the publications first.
fn names(value: &Value) -> Vec<String> {
    let (given, family) =
        (text(value, "/person/name/given-names/value"), text(value, "/person/name/family-name/value"));
    let full = [given, family].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let credit = text(value, "/person/name/credit-name/value").map(str::to_owned);
    let others = items(value, "/person/other-names/other-name")
        .iter()
        .filter_map(|other| text(other, "/content").map(str::to_owned));
    credit.into_iter().chain([full]).chain(others).collect()
}

/// The ORCID within a path: `/0000-0002-1825-0097/works`.
fn id(path: &str) -> Option<String> {
    let id = path.trim_start_matches('/').get(..19)?;
    super::orcid_id(id)
}
