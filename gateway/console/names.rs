//! What people call organisations, purposes, datasets and fields, under the policies of a moment. Where these do not say,
//! the number or id stands.

use doelpoort_core::catalogue::{FieldName, Name};
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::text::Language;

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
}
