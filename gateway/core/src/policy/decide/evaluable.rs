//! A constraint that cannot be evaluated denies. Files are checked when they are read, so this is the second lock:
//! it holds for policies that were made in any other way, too.

use crate::catalogue::{Dimension, FieldName};
use crate::party::OrganisationKind;
use crate::purpose::{Conditions, FiguresGrant, Grant, Holders, Scope, keep_days};

use super::asking::Asking;
use super::denial::{Denial, DenialCode};

/// Whether everything that the grant limits by can be evaluated for this caller.
pub(super) fn check(asking: &Asking<'_, '_>, grant: &Grant) -> Result<(), Denial> {
    let sound = grant.limit().requests.count > 0
        && keep_days(&asking.standing.purpose.retention).is_some()
        && asking.policies.catalogue.dataset(grant.dataset()).is_some()
        && holders(asking, grant)
        && grant.conditions().is_none_or(|all| conditions(asking, all))
        && grant.scope().is_none_or(|scope| scope_applies(asking, scope))
        && form(asking, grant);
    if sound {
        Ok(())
    } else {
        Err(Denial::new(DenialCode::NotEvaluable))
    }
}

fn holders(asking: &Asking<'_, '_>, grant: &Grant) -> bool {
    match grant.holders() {
        None | Some(Holders::All) => true,
        Some(Holders::Listed(slugs)) => {
            let known = |slug| asking.policies.organisations.by_slug(slug).is_some();
            !slugs.is_empty() && slugs.iter().all(known)
        }
    }
}

fn conditions(asking: &Asking<'_, '_>, conditions: &Conditions) -> bool {
    let kept = |retention: &Option<String>| retention.as_deref().is_none_or(|text| keep_days(text).is_some());
    kept(&conditions.retention)
        && conditions.holder_rules.iter().all(|rule| {
            asking.policies.organisations.by_slug(&rule.holder).is_some()
                && kept(&rule.retention)
                && rule.round != Some(0)
                && rule.without.iter().all(|field| is_field(asking, field))
        })
}

fn scope_applies(asking: &Asking<'_, '_>, scope: Scope) -> bool {
    let catalogue = &asking.policies.catalogue;
    let known = |name: &str| catalogue.datasets().any(|dataset| dataset.name.as_str() == name);
    scope.datasets().iter().all(|name| known(name))
        && match scope {
            Scope::Caseload | Scope::Everything => true,
            Scope::OwnBoard | Scope::OwnSchool | Scope::OwnSite => {
                asking.principal.kind == OrganisationKind::SchoolBoard
            }
        }
}

fn form(asking: &Asking<'_, '_>, grant: &Grant) -> bool {
    match grant {
        Grant::Delivery(_) | Grant::Restrict(_) => true,
        Grant::Facts(facts) => {
            facts.fields.iter().all(|grant| is_field(asking, &grant.field)) && filters(asking, &facts.only)
        }
        Grant::Figures(figures) => figures_sound(asking, figures),
        Grant::Records(records) => {
            records.page_max > 0
                && records.fields.iter().all(|grant| is_field(asking, &grant.field))
                && filters(asking, &records.only)
                && records.anonymous.as_ref().is_none_or(|anonymous| {
                    let population = asking.policies.catalogue.population(&anonymous.population);
                    population.is_some_and(|population| population.calendar(&anonymous.epochs).is_some())
                })
        }
        Grant::Resolve(resolve) => {
            resolve.persons >= 2
                && resolve.per_day > 0
                && resolve.deadline_days > 0
                && !resolve.reasons.is_empty()
        }
        Grant::Search(search) => search.persons >= 2 && search.per_day > 0 && !search.reasons.is_empty(),
        Grant::Translate(translate) => translate.per_day > 0,
    }
}

fn figures_sound(asking: &Asking<'_, '_>, grant: &FiguresGrant) -> bool {
    let catalogue = &asking.policies.catalogue;
    let is_level = |dimension: &Dimension| catalogue.depth(dimension).is_some();
    let calendar = catalogue
        .population(&grant.population)
        .is_some_and(|population| population.calendar(&grant.epochs).is_some());
    calendar
        && grant.round > 0
        && !grant.measures.is_empty()
        && grant.group_by.iter().chain(&grant.filter_by).all(is_level)
        && grant
            .only
            .iter()
            .all(|(dimension, code)| catalogue.code(dimension, code).is_some())
}

fn is_field(asking: &Asking<'_, '_>, field: &FieldName) -> bool {
    asking.policies.catalogue.field(field).is_some()
}

fn filters(asking: &Asking<'_, '_>, only: &[(FieldName, String)]) -> bool {
    only.iter()
        .all(|(field, value)| asking.policies.catalogue.value(field, value).is_some())
}
