//! What a grant reaches: fields, datasets, organisations.

use std::collections::BTreeSet;

use super::{Conditions, Generalise, Grant, Holders, Limit, Measure, Party, Recipient, Scope};
use crate::catalogue::{Catalogue, FieldName, Name, ProtectionClass};
use crate::party::{Organisation, OrganisationKind, Organisations};
use crate::request::Form;

impl Scope {
    /// The scope's name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caseload => "caseload",
            Self::Everything => "everything",
            Self::OwnBoard => "own-board",
            Self::OwnSchool => "own-school",
            Self::OwnSite => "own-site",
        }
    }

    /// The datasets whose rows decide whom this scope covers.
    pub fn datasets(self) -> &'static [&'static str] {
        match self {
            Self::Caseload => &["caseload", "enrolment", "site"],
            Self::OwnBoard | Self::Everything => &[],
            Self::OwnSchool | Self::OwnSite => &["enrolment", "resident"],
        }
    }
}

impl Generalise {
    /// The form's name in files; of a band with its width.
    pub fn name(&self) -> String {
        match self {
            Self::Band { width } => return format!("band-{width}"),
            Self::Brin4 => "brin4",
            Self::Level(level) => level.as_str(),
            Self::Month => "month",
            Self::Pc2 => "pc2",
            Self::Pc4 => "pc4",
            Self::Quarter => "quarter",
            Self::SchoolYear => "school-year",
            Self::Year => "year",
        }
        .to_owned()
    }
}

impl Grant {
    /// The grant's base dataset.
    pub fn dataset(&self) -> &Name {
        match self {
            Self::Delivery(grant) => &grant.dataset,
            Self::Facts(grant) => &grant.dataset,
            Self::Figures(grant) => &grant.dataset,
            Self::Records(grant) => &grant.dataset,
            Self::Resolve(grant) => &grant.dataset,
            Self::Restrict(grant) => &grant.dataset,
            Self::Search(grant) => &grant.dataset,
            Self::Translate(grant) => &grant.dataset,
        }
    }

    /// Who receives, or for a delivery who delivers.
    pub fn recipients(&self) -> &[Recipient] {
        match self {
            Self::Delivery(grant) => &grant.deliverers,
            Self::Facts(grant) => &grant.recipients,
            Self::Figures(grant) => &grant.recipients,
            Self::Records(grant) => &grant.recipients,
            Self::Resolve(grant) => &grant.recipients,
            Self::Restrict(grant) => &grant.recipients,
            Self::Search(grant) => &grant.recipients,
            Self::Translate(grant) => &grant.recipients,
        }
    }

    /// How much.
    pub fn limit(&self) -> Limit {
        match self {
            Self::Delivery(grant) => grant.limit,
            Self::Facts(grant) => grant.limit,
            Self::Figures(grant) => grant.limit,
            Self::Records(grant) => grant.limit,
            Self::Resolve(grant) => grant.limit,
            Self::Restrict(grant) => grant.limit,
            Self::Search(grant) => grant.limit,
            Self::Translate(grant) => grant.limit,
        }
    }

    /// The form's name in files and requests.
    pub fn form(&self) -> &'static str {
        self.form_of().as_str()
    }

    /// The form.
    pub fn form_of(&self) -> Form {
        match self {
            Self::Delivery(_) => Form::Delivery,
            Self::Facts(_) => Form::Facts,
            Self::Figures(_) => Form::Figures,
            Self::Records(_) => Form::Records,
            Self::Resolve(_) => Form::Resolve,
            Self::Restrict(_) => Form::Restrict,
            Self::Search(_) => Form::Search,
            Self::Translate(_) => Form::Translate,
        }
    }

    /// What limits its answers besides its fields; none for what gives no answer about pupils.
    pub fn conditions(&self) -> Option<&Conditions> {
        match self {
            Self::Facts(grant) => Some(&grant.conditions),
            Self::Figures(grant) => Some(&grant.conditions),
            Self::Records(grant) => Some(&grant.conditions),
            Self::Delivery(_)
            | Self::Resolve(_)
            | Self::Restrict(_)
            | Self::Search(_)
            | Self::Translate(_) => None,
        }
    }

    /// About which pupils; none where no pupils are selected.
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Facts(grant) => Some(grant.scope),
            Self::Records(grant) => Some(grant.scope),
            Self::Restrict(grant) => Some(grant.scope),
            Self::Delivery(_)
            | Self::Figures(_)
            | Self::Resolve(_)
            | Self::Search(_)
            | Self::Translate(_) => None,
        }
    }

    /// Whether it gives the asking organisation's own rows, or counts them, and no others.
    pub fn is_of_own_rows(&self) -> bool {
        match self {
            Self::Figures(grant) => grant.counts_own_rows(),
            _ => self.scope() == Some(Scope::OwnBoard),
        }
    }

    /// Whose rows; a delivery touches those who deliver, a search in the log nobody.
    pub fn holders(&self) -> Option<&Holders> {
        match self {
            Self::Delivery(_) | Self::Search(_) => None,
            Self::Facts(grant) => Some(&grant.holders),
            Self::Figures(grant) => Some(&grant.holders),
            Self::Records(grant) => Some(&grant.holders),
            Self::Resolve(grant) => Some(&grant.holders),
            Self::Restrict(grant) => Some(&grant.holders),
            Self::Translate(grant) => Some(&grant.holders),
        }
    }

    /// Every field that the grant names: given, grouped or filtered by.
    pub fn fields(&self) -> BTreeSet<&FieldName> {
        match self {
            Self::Delivery(_)
            | Self::Resolve(_)
            | Self::Restrict(_)
            | Self::Search(_)
            | Self::Translate(_) => BTreeSet::new(),
            Self::Facts(grant) => {
                let fixed = grant.only.iter().map(|(field, _)| field);
                let given = grant.fields.iter().map(|grant| &grant.field);
                given.chain(fixed).collect()
            }
            Self::Figures(grant) => {
                let filters = grant.only.iter().map(|(dimension, _)| dimension);
                let dimensions = grant.group_by.iter().chain(&grant.filter_by).chain(filters);
                let measured = grant.measures.iter().filter_map(Measure::stored_field);
                dimensions
                    .map(|dimension| &dimension.field)
                    .chain(measured)
                    .collect()
            }
            Self::Records(grant) => {
                let mut fields: BTreeSet<_> = grant.fields.iter().map(|grant| &grant.field).collect();
                fields.extend(&grant.filter_by);
                fields.extend(grant.only.iter().map(|(field, _)| field));
                fields
            }
        }
    }

    /// The datasets whose rows an answer can be made of: base and fields, without those that only decide scope.
    pub fn named_datasets(&self) -> BTreeSet<&Name> {
        let fields = self.fields().into_iter().map(|field| &field.dataset);
        let measured = match self {
            Self::Figures(grant) => grant.measures.as_slice(),
            _ => &[],
        };
        let measured = measured.iter().filter_map(Measure::dataset);
        fields.chain(measured).chain([self.dataset()]).collect()
    }

    /// Every dataset whose rows the grant touches: base, fields, scope and population.
    pub fn datasets(&self, catalogue: &Catalogue) -> BTreeSet<Name> {
        let mut datasets: BTreeSet<Name> = self.named_datasets().into_iter().cloned().collect();
        let scope = self.scope().map(Scope::datasets).unwrap_or_default();
        datasets.extend(scope.iter().filter_map(|name| name.parse().ok()));
        if let Self::Figures(grant) = self
            && grant.is_released()
            && let Some(population) = catalogue.population(&grant.population)
        {
            datasets.extend(population.datasets.iter().cloned());
        }
        datasets.retain(|name| catalogue.dataset(name).is_some());
        datasets
    }

    /// The strictest protection class of what the grant names. A delivery brings every field.
    pub fn class(&self, catalogue: &Catalogue) -> ProtectionClass {
        let base = catalogue.dataset(self.dataset());
        let rows = base.map_or(ProtectionClass::Sensitive, |dataset| dataset.class);
        let fields = match (self, base) {
            (Self::Delivery(_), Some(dataset)) => dataset.fields.iter().map(|field| field.class).max(),
            _ => Some(catalogue.class_of(self.fields().into_iter())),
        };
        fields.map_or(rows, |class| class.max(rows))
    }

    /// The organisations whose rows the grant touches, and who therefore must approve. A list of
    /// holders limits the datasets of its own kind; public data need nobody's approval.
    pub fn touched<'o>(
        &self,
        catalogue: &Catalogue,
        organisations: &'o Organisations,
    ) -> Vec<&'o Organisation> {
        if let Self::Delivery(grant) = self {
            return expand(&grant.deliverers, organisations);
        }
        if let Self::Search(_) = self {
            return Vec::new();
        }
        let datasets = self.datasets(catalogue);
        let kinds: BTreeSet<OrganisationKind> = datasets
            .iter()
            .filter_map(|name| Some(catalogue.dataset(name)?.holder_kind))
            .collect();
        organisations
            .iter()
            .filter(|organisation| {
                organisation.kind != OrganisationKind::Public && kinds.contains(&organisation.kind)
            })
            .filter(|organisation| {
                self.holders()
                    .is_none_or(|holders| holders.admits(organisation, organisations))
            })
            .collect()
    }

    /// Whether the grant names the organisation, in a role that the asking program has.
    pub fn is_for(&self, organisation: &Organisation, roles: &[String]) -> bool {
        self.recipients()
            .iter()
            .any(|recipient| recipient.names(organisation) && roles.contains(&recipient.role))
    }

    /// The organisations that receive, or for a delivery deliver.
    pub fn receiving<'o>(&self, organisations: &'o Organisations) -> Vec<&'o Organisation> {
        expand(self.recipients(), organisations)
    }
}

impl Holders {
    /// Whether an organisation's rows are touched. A list says nothing about other kinds than its own.
    pub fn admits(&self, organisation: &Organisation, organisations: &Organisations) -> bool {
        match self {
            Self::All => true,
            Self::Listed(slugs) => {
                let kinds = slugs
                    .iter()
                    .filter_map(|slug| organisations.by_slug(slug))
                    .map(|listed| listed.kind);
                slugs.contains(&organisation.slug) || !kinds.into_iter().any(|kind| kind == organisation.kind)
            }
        }
    }
}

impl Recipient {
    /// Whether this names the organisation.
    pub fn names(&self, organisation: &Organisation) -> bool {
        match &self.who {
            Party::Organisation(slug) => *slug == organisation.slug,
            Party::Kind(kind) => *kind == organisation.kind,
        }
    }
}

fn expand<'o>(recipients: &[Recipient], organisations: &'o Organisations) -> Vec<&'o Organisation> {
    let named =
        |organisation: &&Organisation| recipients.iter().any(|recipient| recipient.names(organisation));
    organisations.iter().filter(named).collect()
}
