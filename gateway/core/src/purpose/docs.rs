//! The purposes in a table: which need, who gets it, in which form.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{Grant, Party, Purpose, Recipient};
use crate::party::parse::KINDS;

/// The page that lists all purposes, those of deliveries last.
pub fn index<'p>(purposes: impl Iterator<Item = &'p Purpose>) -> String {
    let (deliveries, others): (Vec<_>, Vec<_>) =
        purposes.partition(|purpose| purpose.id.as_str().starts_with("delivery-"));
    let mut page = "<!-- made from policies/purposes by `cargo run -p doelpoort-core --example dataset_docs` -->\n\
                    # Purposes\n\n\
                    What is shipped for Almere, as an example: the data protection officers decide. Each file says why, by which \
                    law and for how long; beside it lies the table of what it grants and denies.\n"
        .to_owned();
    table(&mut page, &others);
    page.push_str(
        "\n## Deliveries\n\nWho may deliver which dataset. Delivering gives nobody a right to look.\n",
    );
    table(&mut page, &deliveries);
    page
}

fn table(page: &mut String, purposes: &[&Purpose]) {
    page.push_str("\n| purpose | need | who | form | named questions |\n|---|---|---|---|---:|\n");
    for purpose in purposes {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            page,
            "| [`{id}`](../policies/purposes/{id}.toml) | {nl} ({en}) | {who} | {form} | {questions} |",
            id = purpose.id,
            nl = purpose.title.nl,
            en = purpose.title.en,
            who = who(purpose),
            form = forms(purpose),
            questions = purpose.questions.len(),
        );
    }
}

fn who(purpose: &Purpose) -> String {
    let recipients = purpose.grants.iter().flat_map(Grant::recipients);
    let named: BTreeSet<String> = recipients.map(named).collect();
    named.into_iter().collect::<Vec<_>>().join(", ")
}

fn named(recipient: &Recipient) -> String {
    match &recipient.who {
        Party::Organisation(slug) => format!("{slug} ({})", recipient.role),
        Party::Kind(kind) => {
            let name = KINDS
                .iter()
                .find(|(_, known)| known == kind)
                .map(|(name, _)| *name);
            format!("every {} ({})", name.unwrap_or_default(), recipient.role)
        }
    }
}

fn forms(purpose: &Purpose) -> String {
    let grants = purpose.grants.iter();
    let named: BTreeSet<String> = grants
        .map(|grant| format!("{} of `{}`", grant.form(), grant.dataset()))
        .collect();
    named.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::fixture;

    /// After a change of a purpose: `cargo run -p doelpoort-core --example dataset_docs`.
    #[test]
    fn the_page_is_what_the_files_say() {
        let purposes = fixture::policies().purposes.values();
        let page = super::index(purposes.map(|standing| &standing.purpose));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/purposes.md");
        assert_eq!(std::fs::read_to_string(file).unwrap(), page);
    }
}
