//! What no gateway could evaluate is refused when it is read: a scope without its rows, a filter on what is not
//! stored, a condition of a holder whose rows are not touched.

use super::names::Names;
use super::{Grant, HolderRule, Scope};
use crate::catalogue::{Dataset, FieldName, FieldType, Name};
use crate::document::Table;
use crate::party::OrganisationKind;

/// The field of a base dataset by which a caseload selects its rows.
const SITE: &str = "site";

/// Notes each constraint of the grant that could not be evaluated.
pub(super) fn check(table: &Table<'_, '_>, grant: &Grant, names: &Names<'_>) {
    let found = [
        scope_datasets(grant, names),
        scope_parties(grant, names),
        own_rows_only(grant, names),
        caseload_site(grant, names),
        restrict_scope(grant),
        filtered_as_stored(grant, names),
        translated_to_itself(grant, names),
    ];
    for message in found.into_iter().flatten() {
        table.error(message);
    }
    for rule in grant
        .conditions()
        .map(|all| all.holder_rules.as_slice())
        .unwrap_or_default()
    {
        if let Some(message) = holder_rule(grant, rule, names) {
            table.error(message);
        }
    }
}

/// Notes what one grant makes of another.
pub(super) fn check_whole(table: &Table<'_, '_>, grants: &[Grant], names: &Names<'_>) {
    if let Some(message) = two_that_tell_existence(grants, names) {
        table.error(message);
    }
    if let Some(message) = two_anonymous(grants) {
        table.error(message);
    }
}

/// The rows of two releases would have the same pseudonyms, and be one row of both.
fn two_anonymous(grants: &[Grant]) -> Option<String> {
    let is_anonymous =
        |(_, grant): &(usize, &Grant)| matches!(grant, Grant::Records(one) if one.anonymous.is_some());
    let mut anonymous = grants.iter().enumerate().filter(is_anonymous);
    let ((first, _), (second, _)) = (anonymous.next()?, anonymous.next()?);
    Some(format!(
        "grants {first} and {second} both give k-anonymous records under the same pseudonyms, so their rows could be \
         joined; give one of them a purpose of its own"
    ))
}

/// Whether there is a row is asked of a purpose, not of a dataset: the second grant would never be reached.
fn two_that_tell_existence(grants: &[Grant], names: &Names<'_>) -> Option<String> {
    let mut told: Vec<(usize, &Grant)> = Vec::new();
    for (position, grant) in grants.iter().enumerate() {
        if !matches!(grant, Grant::Facts(facts) if facts.exists) {
            continue;
        }
        let receiving = grant.receiving(names.organisations);
        let clash = told.iter().find(|(_, other)| {
            let same_role = |role: &str| other.recipients().iter().any(|one| one.role == role);
            grant.recipients().iter().any(|one| same_role(&one.role))
                && other
                    .receiving(names.organisations)
                    .iter()
                    .any(|party| receiving.contains(party))
        });
        if let Some((first, _)) = clash {
            return Some(format!(
                "grants {first} and {position} both tell one recipient whether there is a row; a question names no \
                 dataset, so leave `exists` out of one"
            ));
        }
        told.push((position, grant));
    }
    None
}

fn scope_datasets(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let scope = grant.scope()?;
    let absent = scope.datasets().iter().find(|name| {
        !names
            .catalogue
            .datasets()
            .any(|known| known.name.as_str() == **name)
    })?;
    Some(format!(
        "scope `{}` is decided by dataset `{absent}`, which is not in the catalogue",
        scope.name()
    ))
}

/// Whose scope it can be: a school's own pupils are a board's, a caseload is that of who keeps caseloads.
fn scope_parties(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let scope = grant.scope()?;
    let kind = match scope {
        Scope::Everything => return None,
        Scope::OwnBoard | Scope::OwnSchool | Scope::OwnSite => OrganisationKind::SchoolBoard,
        Scope::Caseload => {
            let keeps = |dataset: &&Dataset| dataset.name.as_str() == "caseload";
            names.catalogue.datasets().find(keeps)?.holder_kind
        }
    };
    let other = grant
        .receiving(names.organisations)
        .into_iter()
        .find(|party| party.kind != kind)?;
    Some(format!(
        "scope `{}` says nothing about `{}`",
        scope.name(),
        other.slug
    ))
}

/// Holding a row gives no scope over what others hold of the pupil: else one could claim a child to read on.
fn own_rows_only(grant: &Grant, names: &Names<'_>) -> Option<String> {
    (grant.scope()? == Scope::OwnBoard).then_some(())?;
    let others = |dataset: &&Name| {
        names
            .catalogue
            .dataset(dataset)
            .is_some_and(|dataset| dataset.holder_kind != OrganisationKind::SchoolBoard)
    };
    let dataset = grant.named_datasets().into_iter().find(others)?;
    Some(format!(
        "scope `own-board` gives rows that the board holds, and `{dataset}` is held by others; use `own-school`"
    ))
}

fn caseload_site(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Records(records) = grant else {
        return None;
    };
    (records.scope == Scope::Caseload).then_some(())?;
    let dataset = names.catalogue.dataset(&records.dataset)?;
    let has_site = dataset
        .stored_fields()
        .any(|field| field.name.as_str() == SITE && field.field_type == FieldType::Brin6);
    (!has_site).then(|| {
        format!(
            "scope `caseload` needs a dataset with a `site`; `{}` has none",
            dataset.name
        )
    })
}

fn restrict_scope(grant: &Grant) -> Option<String> {
    let Grant::Restrict(restrict) = grant else {
        return None;
    };
    (restrict.scope != Scope::OwnSchool)
        .then(|| "restrictions are entered for a school's own pupils: scope `own-school`".to_owned())
}

/// What is computed when asked is in no column, so nothing can be filtered by it.
fn filtered_as_stored(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let filters: Vec<&FieldName> = match grant {
        Grant::Facts(facts) => facts.only.iter().map(|(field, _)| field).collect(),
        Grant::Records(records) => {
            let fixed = records.only.iter().map(|(field, _)| field);
            records.filter_by.iter().chain(fixed).collect()
        }
        _ => return None,
    };
    let computed = |field: &&&FieldName| {
        names
            .catalogue
            .field(field)
            .is_some_and(|(dataset, found)| !dataset.stored_fields().any(|stored| stored.name == found.name))
    };
    let field = filters.iter().find(computed)?;
    Some(format!(
        "`{field}` is computed when asked, so it cannot be filtered on"
    ))
}

fn translated_to_itself(grant: &Grant, names: &Names<'_>) -> Option<String> {
    let Grant::Translate(translate) = grant else {
        return None;
    };
    let same = translate.from == translate.to_purpose
        && grant
            .receiving(names.organisations)
            .iter()
            .any(|party| party.slug == translate.to);
    same.then(|| {
        "translates pseudonyms into themselves: `from` and `to` are one purpose of one recipient".to_owned()
    })
}

fn holder_rule(grant: &Grant, rule: &HolderRule, names: &Names<'_>) -> Option<String> {
    let holder = &rule.holder;
    let touched = grant.touched(names.catalogue, names.organisations);
    if !touched.iter().any(|party| party.slug == *holder) {
        return Some(format!(
            "no rows of `{holder}` are touched, so its rule would never hold"
        ));
    }
    let fields = grant.fields();
    let unnamed = rule.without.iter().find(|field| !fields.contains(field))?;
    Some(format!(
        "`{holder}` withholds `{unnamed}`, which the grant does not give"
    ))
}
