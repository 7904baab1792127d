//! Links between the pages of the checkout: the file exists, and the heading too.

use std::path::{Component, Path, PathBuf};

use super::TextFile;
use crate::workspace::Workspace;

/// Each link of a Markdown page that leads nowhere. Addresses on the network are not tried.
pub(super) fn complaints(workspace: &Workspace, files: &[TextFile]) -> Vec<String> {
    let pages: Vec<&TextFile> = files.iter().filter(|file| file.has_extension("md")).collect();
    let links = pages.iter().flat_map(|page| links(&page.text).into_iter().map(move |link| (page, link)));
    links
        .filter(|(_, link)| !link.contains("://") && !link.starts_with("mailto:"))
        .filter(|(page, link)| !leads_somewhere(workspace, &pages, page, link))
        .map(|(page, link)| format!("{}: the link {link} leads nowhere", page.path))
        .collect()
}

fn leads_somewhere(workspace: &Workspace, pages: &[&TextFile], page: &TextFile, link: &str) -> bool {
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let target = match file {
        "" => PathBuf::from(&page.path),
        file => normal(&Path::new(&page.path).parent().unwrap_or(Path::new("")).join(file)),
    };
    let Some(heading) = heading else { return workspace.path(&target).exists() };
    let target = pages.iter().find(|page| Path::new(&page.path) == target);
    target.is_some_and(|target| prose(&target.text).any(|line| line.starts_with('#') && anchor(line) == heading))
}

/// Resolves `..` without asking the file system.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut result, component| {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            other => result.push(other),
        }
        result
    })
}

/// The targets of `[text](target)`, outside of code.
fn links(markdown: &str) -> Vec<&str> {
    prose(markdown)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split_whitespace().next().unwrap_or_default())
        .collect()
}

/// The lines that are not in a fenced block.
fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    markdown.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// The anchor that renderers give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter_map(|character| match character {
        ' ' => Some('-'),
        character if character.is_alphanumeric() || character == '-' || character == '_' => Some(character),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> TextFile {
        TextFile { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_link_to_a_missing_file_or_heading_is_reported_and_one_in_code_is_not_a_link() {
        let here = Workspace::here();
        let pages = [
            page("README.md", "# The front page\n[good](Cargo.toml) [good](#the-front-page) [bad](no-such-file.md)"),
            page("xtask/README.md", "[good](../README.md#the-front-page) [bad](../README.md#elsewhere)"),
            page("code.md", "```\n[not a link](nowhere)\n```\n[elsewhere](https://example.com/nowhere)"),
        ];
        let complaints = complaints(&here, &pages);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].contains("no-such-file.md") && complaints[1].contains("#elsewhere"), "{complaints:?}");
    }

    #[test]
    fn an_anchor_is_the_heading_in_lower_case_with_dashes() {
        assert_eq!(
            anchor("## 3. From identity to *visible* rows (`policy`)"),
            "3-from-identity-to-visible-rows-policy"
        );
    }
}
