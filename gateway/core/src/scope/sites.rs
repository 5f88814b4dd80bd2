//! Whose school sites are whose, as the signed files say: which board runs a site, and to which partnership for
//! inclusive education (SWV) it belongs.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Name, Raw, RowReader, Value};
use crate::party::{Oin, Organisations};
use crate::policy::Policies;

/// Which board runs each school site: the catalogue's sites under their boards' numbers, as the signed parties have
/// them. An enrolment counts only at a site of the board that delivered it; a site that nobody runs here is nobody's.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SiteBoards(pub(super) BTreeMap<String, Oin>);

impl SiteBoards {
    /// The sites of the field `enrolment.site`, under the level `board` of its hierarchy.
    pub fn of(catalogue: &Catalogue, organisations: &Organisations) -> Self {
        Self(Self::read(catalogue, organisations).unwrap_or_default())
    }

    fn read(catalogue: &Catalogue, organisations: &Organisations) -> Option<BTreeMap<String, Oin>> {
        let name = |text: &str| text.parse::<Name>().ok();
        let field = catalogue.dataset(&name("enrolment")?)?.field(&name("site")?)?;
        let hierarchy = catalogue.hierarchy(field.hierarchy.as_ref()?)?;
        let (finest, board) = (hierarchy.finest()?, name("board")?);
        let run = hierarchy.nodes_at(finest).iter().filter_map(|site| {
            let number = hierarchy.ancestor(&site.code, finest, &board)?;
            let organisation = organisations.by_board(&number.code)?;
            Some((site.code.clone(), organisation.oin.clone()))
        });
        Some(run.collect())
    }

    /// The sites that a board runs.
    fn of_board(&self, board: &Oin) -> BTreeSet<String> {
        let run = self.0.iter().filter(|(_, by)| *by == board);
        run.map(|(site, _)| site.clone()).collect()
    }

    /// Whether a board runs a site.
    pub fn runs(&self, board: &Oin, site: &str) -> bool {
        self.0.get(site) == Some(board)
    }
}

/// To which partnership each school site belongs: the register of sites in `reference/site.csv`. A site that is not in
/// it belongs to none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SitePartnerships(BTreeMap<String, String>);

impl SitePartnerships {
    /// Reads the register of sites, each row checked against the dataset `site`.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn read(catalogue: &Catalogue, csv: &str) -> Result<Self, String> {
        let name = |text: &str| text.parse::<Name>().map_err(|_| format!("`{text}` is no name"));
        let (brin6, swv) = (name("brin6")?, name("swv")?);
        let rows = RowReader::new(catalogue, &name("site")?).ok_or("the catalogue has no dataset `site`")?;
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        let mut sites = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let cells = header.iter().zip(record.iter().map(Raw::Text));
            let row = rows.read(cells).map_err(|mistakes| {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                format!("line {line}: {}", mistakes.join("; "))
            })?;
            let text = |field: &Name| match row.value(rows.dataset(), field) {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => None,
            };
            let (Some(site), Some(swv)) = (text(&brin6), text(&swv)) else {
                return Err(format!("line {line}: `brin6` and `swv` are both needed"));
            };
            if sites.insert(site, swv).is_some() {
                return Err(format!("line {line}: this site occurs twice"));
            }
        }
        Ok(Self(sites))
    }

    /// The sites of a partnership; none where the organisation is none.
    pub fn of(&self, partnership: &Oin, organisations: &Organisations) -> Vec<String> {
        let number = organisations
            .by_oin(partnership)
            .and_then(|party| party.swv.as_ref());
        let of_it = self.0.iter().filter(|(_, swv)| Some(*swv) == number);
        of_it.map(|(site, _)| site.clone()).collect()
    }
}

/// Which sites a party may deliver rows about: a board those that it runs, a partnership those that belong to it.
/// Rows about other sites would give it a right that nobody signed.
#[derive(Clone, Debug)]
pub enum OwnSites {
    /// Any: what the dataset says of a site gives no right.
    Any,
    /// These.
    Only(BTreeSet<String>),
}

impl OwnSites {
    /// For rows of this dataset, delivered for this holder.
    pub fn of(policies: &Policies, dataset: &Name, holder: &Oin) -> Self {
        match dataset.as_str() {
            "enrolment" => {
                let boards = SiteBoards::of(&policies.catalogue, &policies.organisations);
                Self::Only(boards.of_board(holder))
            }
            "caseload" => {
                let sites = policies.partnerships.of(holder, &policies.organisations);
                Self::Only(sites.into_iter().collect())
            }
            _ => Self::Any,
        }
    }

    /// Whether a row may be about this site.
    pub fn include(&self, site: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(sites) => sites.contains(site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::{load, shipped};

    #[test]
    fn sites_are_delivered_by_who_they_belong_to() {
        let policies = load(&shipped());
        let party = |slug: &str| {
            policies
                .organisations
                .by_slug(&slug.parse().unwrap())
                .unwrap()
                .oin
                .clone()
        };
        let sites =
            |dataset: &str, slug: &str| OwnSites::of(&policies, &dataset.parse().unwrap(), &party(slug));
        let caseload = sites("caseload", "swv-vo");
        assert!(caseload.include("01FP00") && !caseload.include("12PM00"));
        let enrolment = sites("enrolment", "board-41676");
        assert!(enrolment.include("14QC00") && !enrolment.include("12PM00"));
        assert!(!sites("enrolment", "swv-vo").include("14QC00"));
        assert!(sites("resident", "municipality").include("14QC00"));
    }

    #[test]
    fn a_wrong_register_of_sites_is_refused_by_line() {
        let catalogue = load(&shipped()).catalogue;
        let header = "brin6,name,board,sector,swv,neighbourhood\n";
        let row = "12PM00,De Ark,40114,BO,PO2401,WK003411\n";
        let read = |rows: &str| SitePartnerships::read(&catalogue, &format!("{header}{rows}"));
        assert!(read(row).is_ok());
        for (rows, wrong) in [
            (format!("{row}{row}"), "line 3: this site occurs twice"),
            (row.replace("PO2401", "PO9999"), "line 2: "),
            (row.replace("12PM00", "12PM"), "line 2: "),
        ] {
            let found = read(&rows).unwrap_err();
            assert!(found.starts_with(wrong), "{found}");
        }
    }
}
