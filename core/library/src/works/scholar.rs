//! Semantic Scholar's API: an author with the papers, the answer of `/author/ID/papers`, or papers one to a line.
//!
//! <https://api.semanticscholar.org/api-docs/graph>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    ListedWork, Works,
    json::{items, text, written, year},
};
use crate::{ReadError, identity};

/// Reads answers, one or several.
///
/// # Errors
/// [`ReadError::NoList`] where they are none, [`ReadError::SeveralPeople`] where they are of several authors.
pub(super) fn read(values: &[Value]) -> Result<Works, ReadError> {
    let (mut found, mut papers, mut owners) = (Works::default(), Vec::new(), BTreeSet::new());
    let mut is_whole_list = false;
    for value in values {
        if value.pointer("/papers").is_some_and(Value::is_array) {
            papers.extend(items(value, "/papers"));
            owner(value, &mut found, &mut owners);
        } else if value.pointer("/data").is_some_and(Value::is_array) {
            is_whole_list = true;
            papers.extend(items(value, "/data"));
        } else if value.get("paperId").is_some() || value.get("title").is_some() {
            papers.push(value);
        } else if value.get("authorId").is_some() {
            owner(value, &mut found, &mut owners);
        } else {
            return Err(ReadError::NoList);
        }
    }
    if owners.len() > 1 {
        return Err(ReadError::SeveralPeople { people: owners.len() });
    }
    if owners.is_empty() && is_whole_list {
        by_authors(&papers, &mut found);
    }
    for (number, paper) in papers.iter().enumerate() {
        match work(paper) {
            Some(work) => found.works.push(work),
            None => found.refused.push(format!("Paper {} has no title.", number + 1)),
        }
    }
    Ok(found)
}

fn owner(value: &Value, found: &mut Works, owners: &mut BTreeSet<String>) {
    if let Some(id) = value.get("authorId").and_then(written) {
        found.ids.push(format!("s2:{id}"));
        owners.insert(id);
    }
    found.names.extend(text(value, "/name").map(str::to_owned));
    found.names.extend(items(value, "/aliases").iter().filter_map(written));
    let orcid = value.pointer("/externalIds/ORCID");
    let orcids = orcid.into_iter().flat_map(|one| one.as_array().map_or(std::slice::from_ref(one), Vec::as_slice));
    found.ids.extend(orcids.filter_map(written).filter_map(|id| super::orcid_id(&id)));
}

/// `/author/ID/papers` does not say whose it is, but the author stands in every paper of it: where one alone does, in two
/// papers or more, it is that one.
fn by_authors(papers: &[&Value], found: &mut Works) {
    let mut of: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
    for paper in papers {
        let mut here = BTreeSet::new();
        for author in items(paper, "/authors") {
            let Some(id) = author.get("authorId").and_then(written) else { continue };
            let (times, names) = of.entry(id.clone()).or_default();
            *times += usize::from(here.insert(id));
            names.extend(text(author, "/name").map(str::to_owned));
        }
    }
    let mut everywhere = of.into_iter().filter(|(_, (times, _))| *times == papers.len() && papers.len() > 1);
    if let (Some((id, (_, names))), None) = (everywhere.next(), everywhere.next()) {
        found.ids.push(format!("s2:{id}"));
        found.names.extend(names);
    }
}

fn work(paper: &Value) -> Option<ListedWork> {
    let external = |name: &str| paper.pointer(&format!("/externalIds/{name}")).and_then(written);
    let ids = [
        external("DOI").and_then(|id| identity::doi(&id)).map(|id| format!("doi:{id}")),
        external("ArXiv").and_then(|id| identity::arxiv(&id)).map(|id| format!("arxiv:{id}")),
        external("ACL").and_then(|id| identity::anthology(&id)).map(|id| format!("acl:{id}")),
        external("PubMed").map(|id| format!("pubmed:{id}")),
        paper.get("paperId").and_then(written).map(|id| format!("s2:{id}")),
    ];
    Some(ListedWork {
        title: text(paper, "/title")?.to_owned(),
        summary: text(paper, "/abstract").unwrap_or_default().to_owned(),
        authors: items(paper, "/authors")
            .iter()
            .filter_map(|author| text(author, "/name").map(str::to_owned).or_else(|| written(author)))
            .collect(),
        year: year(paper.get("year")),
        ids: ids.into_iter().flatten().collect(),
    })
}
