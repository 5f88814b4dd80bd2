//! What people call organisations, purposes, datasets and fields, under the policies of a moment. Where these do not say,
//! the number or id stands.

use doelpoort_core::catalogue::{FieldName, Name};
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::text::Language;

use super::words::Word;

/// The name under which a pseudonym stands among the fields of an answer.
const PSEUDONYM: &str = "pseudonym";

/// The names under some policies, or under none that are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'p>(pub(super) Option<&'p Policies>);

impl<'p> Names<'p> {
    /// What people call an organisation.
    pub(super) fn organisation<'n>(self, oin: &'n str) -> &'n str
    where
        'p: 'n,
    {
        let known = self.0.zip(oin.parse().ok());
        let known = known.and_then(|(policies, oin)| policies.organisations.by_oin(&oin));
        known.map_or(oin, |organisation| {
            organisation
                .name
                .as_deref()
                .unwrap_or_else(|| organisation.slug.as_str())
        })
    }

    /// The short name of an organisation.
    pub(super) fn slug<'n>(self, oin: &'n str) -> &'n str
    where
        'p: 'n,
    {
        let known = self.0.zip(oin.parse().ok());
        let known = known.and_then(|(policies, oin)| policies.organisations.by_oin(&oin));
        known.map_or(oin, |organisation| organisation.slug.as_str())
    }

    /// The title of a purpose.
    pub(super) fn purpose<'n>(self, id: &'n str, language: Language) -> &'n str
    where
        'p: 'n,
    {
        let known = self.standing(id);
        known.map_or(id, |standing| standing.purpose.title.in_language(language))
    }

    /// A purpose with its approvals.
    pub(super) fn standing(self, id: &str) -> Option<&'p Standing> {
        let name: Name = id.parse().ok()?;
        self.0?.purposes.get(&name)
    }

    /// The title of a dataset.
    pub(super) fn dataset<'n>(self, id: &'n str, language: Language) -> &'n str
    where
        'p: 'n,
    {
        let known = self.0.zip(id.parse::<Name>().ok());
        let known = known.and_then(|(policies, name)| policies.catalogue.dataset(&name));
        known.map_or(id, |dataset| dataset.title.in_language(language))
    }

    /// The title of a field.
    pub(super) fn field<'n>(self, name: &'n str, language: Language) -> &'n str
    where
        'p: 'n,
    {
        let known = self.0.and_then(|policies| {
            let name: FieldName = policies.catalogue.field_name(name).ok()?;
            policies.catalogue.field(&name)
        });
        known.map_or(name, |(_, field)| field.title.in_language(language))
    }

    /// What was given, by the kind of data that it is of: `Inschrijving: vestiging, jaargroep; Verzuim: duur`.
    pub(super) fn given(self, dataset: Option<&str>, fields: &[String], language: Language) -> String {
        let mut by_dataset: Vec<(&str, Vec<&str>)> = Vec::new();
        by_dataset.extend(dataset.map(|dataset| (dataset, Vec::new())));
        let mut pseudonym = false;
        for field in fields {
            let Some((of, _)) = field.split_once('.') else {
                pseudonym |= field == PSEUDONYM;
                continue;
            };
            let title = self.field(field, language);
            match by_dataset.iter_mut().find(|(dataset, _)| *dataset == of) {
                Some((_, titles)) => titles.push(title),
                None => by_dataset.push((of, vec![title])),
            }
        }
        let told = by_dataset.into_iter().map(|(dataset, titles)| {
            let dataset = self.dataset(dataset, language);
            if titles.is_empty() {
                dataset.to_owned()
            } else {
                format!("{dataset}: {}", titles.join(", "))
            }
        });
        let mut told: Vec<String> = told.collect();
        if told.is_empty() {
            told.push(Word::LetterErased.in_language(language).to_owned());
        }
        if pseudonym {
            told.push(Word::LetterPseudonym.in_language(language).to_owned());
        }
        told.join("; ")
    }
}
