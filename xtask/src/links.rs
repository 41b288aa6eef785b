//! The links of the project's pages lead somewhere: to a file, and to a heading in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use xshell::cmd;

use crate::workspace::Workspace;

/// Every page that Git knows.
fn pages(workspace: &Workspace) -> Vec<PathBuf> {
    let listed = cmd!(workspace.sh, "git ls-files --cached --others --exclude-standard *.md").quiet().read().unwrap();
    listed.lines().map(|path| workspace.path(path)).filter(|path| path.exists()).collect()
}

/// Where the links of a page lead.
fn links(text: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    Parser::new(text).filter_map(target).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|heading| anchor(&heading))),
            Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// What is wrong with a link of the page at `page`; nothing for a link out of the project.
fn fault(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { page.parent()?.join(path) };
    if !target.exists() {
        return Some(format!("{}: {link} leads to no file", page.display()));
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    let known = || anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(fragment);
    (!fragment.is_empty() && is_page && !known()).then(|| format!("{}: {link} leads to no heading", page.display()))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let workspace = Workspace::find().unwrap();
    let mut faults = Vec::new();
    let mut checked = 0;
    for page in pages(&workspace) {
        let links = links(&fs::read_to_string(&page).unwrap());
        checked += links.len();
        faults.extend(links.iter().filter_map(|link| fault(&page, link)));
    }
    assert!(checked > 50, "only {checked} links were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_link_to_nothing_is_found() {
    let page = Workspace::find().unwrap().path("docs/contributing.md");
    assert!(fault(&page, "no-such-page.md").is_some() && fault(&page, "protocol.md#no-such-heading").is_some());
    assert!(fault(&page, "contributing.md#commands").is_none() && fault(&page, "https://example.com/x").is_none());
}
