//! The shipped catalogue, and files with mistakes.

use std::sync::LazyLock;

use super::*;

/// The files under `policies/` that belong to the catalogue.
pub(crate) fn shipped_files() -> Vec<(String, String)> {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let mut files = Vec::new();
    for folder in ["datasets", "hierarchies", "maps", "populations"] {
        for entry in std::fs::read_dir(format!("{policies}/{folder}")).unwrap() {
            let entry = entry.unwrap();
            let name = format!("policies/{folder}/{}", entry.file_name().into_string().unwrap());
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
    files.sort();
    files
}

/// The shipped catalogue.
pub(crate) fn shipped() -> &'static Catalogue {
    static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| {
        Catalogue::parse(&shipped_files()).unwrap_or_else(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", errors.join("\n\n"))
        })
    });
    &SHIPPED
}

#[test]
fn the_shipped_files_are_a_catalogue() {
    let catalogue = shipped();
    let names: Vec<_> = catalogue
        .datasets()
        .map(|dataset| dataset.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "absence",
            "admissibility",
            "caseload",
            "enrolment",
            "exemption",
            "funded",
            "provision",
            "resident",
            "site",
            "support",
            "youth-care"
        ]
    );
}

#[test]
fn each_mistake_is_told_with_its_place_and_a_hint() {
    let told = BROKEN
        .iter()
        .map(|(file, from, to)| format!("{from} ▸ {to}\n{}", mistakes(file, from, to)));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let mut files = shipped_files();
    for (name, text) in &mut files {
        *text = text
            .replace("\nversion = ", "\nverzion = 1\nversion = ")
            .replace("since =", "sinse =");
        *name = name.replace("maps/", "tables/");
    }
    let errors = Catalogue::parse(&files).unwrap_err();
    let mut told: Vec<_> = errors.iter().map(|error| error.file.as_str()).collect();
    told.dedup();
    assert_eq!(told.len(), files.len(), "{told:?}");
}

#[test]
fn an_empty_folder_is_an_empty_catalogue() {
    let catalogue = Catalogue::parse(&[]).unwrap();
    assert_eq!(catalogue.datasets().count(), 0);
    assert!(matches!(
        catalogue.dimension("enrolment.site"),
        Err(NameError::UnknownDataset { .. })
    ));
}

#[test]
fn a_dimension_is_named_with_or_without_its_level() {
    let catalogue = shipped();
    for (asked, canonical, shown) in [
        (
            "enrolment.neighbourhood",
            "enrolment.neighbourhood@neighbourhood",
            "enrolment.neighbourhood@neighbourhood",
        ),
        (
            "enrolment.neighbourhood@city",
            "enrolment.neighbourhood@city",
            "enrolment.neighbourhood@city",
        ),
        ("absence.kind", "absence.kind@code", "absence.kind"),
        (
            "absence.stay-at-home@code",
            "absence.stay-at-home@code",
            "absence.stay-at-home",
        ),
        ("resident.present", "resident.present@code", "resident.present"),
    ] {
        let dimension = catalogue.dimension(asked).unwrap();
        assert_eq!(dimension.to_string(), canonical);
        assert_eq!(catalogue.display(&dimension), shown);
        assert_eq!(catalogue.dimension(shown).unwrap(), dimension);
        assert!(!catalogue.codes(&dimension).is_empty());
    }
}

#[test]
fn what_is_no_dimension_is_refused_with_a_hint() {
    let catalogue = shipped();
    for (asked, says) in [
        (
            "enrollment.site",
            "unknown dataset `enrollment`; did you mean `enrolment`?",
        ),
        (
            "enrolment.yeargroup",
            "unknown field `enrolment.yeargroup`; did you mean `enrolment.year-group`?",
        ),
        (
            "enrolment.site@bord",
            "`enrolment.site` has no level `bord`; did you mean `board`?",
        ),
        ("absence.kind@kind", "`absence.kind` has no level `kind`"),
        (
            "enrolment.birth-date",
            "`enrolment.birth-date` has no codes, so it is not a dimension",
        ),
        ("caseload.present", "unknown field `caseload.present`"),
        ("enrolment", "not a field: written as `dataset.field`"),
    ] {
        assert_eq!(catalogue.dimension(asked).unwrap_err().to_string(), says);
    }
}

#[test]
fn the_strictest_class_counts() {
    let catalogue = shipped();
    let class = |fields: &[&str]| {
        let names: Vec<FieldName> = fields.iter().map(|field| field.parse().unwrap()).collect();
        catalogue.class_of(names.iter())
    };
    assert_eq!(class(&[]), ProtectionClass::Normal);
    assert_eq!(
        class(&["enrolment.sector", "absence.kind", "absence.present"]),
        ProtectionClass::Normal
    );
    assert_eq!(
        class(&["enrolment.sector", "absence.stay-at-home"]),
        ProtectionClass::Sensitive
    );
    assert_eq!(class(&["admissibility.present"]), ProtectionClass::Sensitive);
    assert_eq!(class(&["enrolment.nonsense"]), ProtectionClass::Sensitive);
}

#[test]
fn who_has_which_columns() {
    let catalogue = shipped();
    let names = |keep: fn(&Field) -> bool| {
        let (resident, _) = catalogue.field(&"resident.present".parse().unwrap()).unwrap();
        resident
            .fields
            .iter()
            .filter(|field| keep(field))
            .map(|f| f.name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        names(Field::is_stored),
        "birth-date neighbourhood from until site attends school-municipality"
    );
    assert_eq!(
        names(Field::is_delivered),
        "birth-date neighbourhood from until site school-municipality"
    );
}

#[test]
fn a_delivery_is_accepted_up_to_its_percentage_of_mistakes() {
    for (policy, rows, wrong, accepted) in [
        (ErrorPolicy::RefuseAll, 100, 0, true),
        (ErrorPolicy::RefuseAll, 1_000_000, 1, false),
        (ErrorPolicy::AcceptUpToPercent(2), 100, 2, true),
        (ErrorPolicy::AcceptUpToPercent(2), 149, 3, false),
        (ErrorPolicy::AcceptUpToPercent(2), 1, 1, false),
        (ErrorPolicy::AcceptUpToPercent(0), 0, 0, true),
    ] {
        assert_eq!(
            policy.accepts(rows, wrong),
            accepted,
            "{policy:?} {wrong} of {rows}"
        );
    }
}

/// A second geography over the same postcodes: two of Haven's and one of Stad's are one ward, so it lies in neither.
#[test]
fn divisions_of_the_same_values_that_cross_are_refused() {
    let told = with_wards(&[("1351", "A"), ("1352", "A"), ("1311", "A")], "enrolment");
    insta::assert_snapshot!(told, @r#"
policies/datasets/enrolment.toml:71:10: `enrolment.ward@ward` and `enrolment.neighbourhood@neighbourhood` divide the same values and cross: `A` and `WK003428` have `1311` in common, and each has values that the other has not; let every node of one lie within one node of the other, or drop one of them
71 | derive = { mapped = { of = "postcode", table = "pc4-neighbourhood" } }
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#);
    // In another dataset it is the same home.
    let told = with_wards(&[("1351", "A"), ("1352", "A"), ("1311", "A")], "resident");
    assert!(
        told.contains("`enrolment.neighbourhood@") && told.contains("`resident.ward@"),
        "{told}"
    );
    // All of the city, and elsewhere: within one another at every level.
    let files = shipped_files();
    let (_, map) = files
        .iter()
        .find(|(name, _)| name.ends_with("pc4-neighbourhood.toml"))
        .unwrap();
    let postcodes: Vec<String> = map
        .split("from = \"")
        .skip(1)
        .map(|rest| rest.chars().take(4).collect())
        .collect();
    let whole: Vec<(&str, &str)> = postcodes.iter().map(|code| (code.as_str(), "A")).collect();
    assert_eq!(with_wards(&whole, "enrolment"), "");
}

/// The mistakes of the shipped catalogue with wards beside the neighbourhoods of a dataset.
fn with_wards(rows: &[(&str, &str)], dataset: &str) -> String {
    let mut files = shipped_files();
    let title = "title = { nl = \"Buurtteams\", en = \"Wards\" }\nsource = \"a test\"\nlicence = \"CC0\"";
    let nodes = "{ code = \"A\", nl = \"A\", en = \"A\" }, { code = \"NONE\", nl = \"Geen\", en = \"None\" }";
    let hierarchy = format!(
        "hierarchy = \"ward\"\nversion = 1\n{title}\n[[level]]\nname = \"ward\"\n\
         title = {{ nl = \"Buurt\", en = \"Ward\" }}\nnodes = [{nodes}]\n"
    );
    let rows: Vec<String> = rows
        .iter()
        .map(|(from, to)| format!("{{ from = \"{from}\", to = \"{to}\", weight = 1 }}"))
        .collect();
    let map = format!(
        "map = \"pc4-ward\"\nversion = 1\n{title}\nto = \"ward\"\nother = \"NONE\"\nrows = [{}]\n",
        rows.join(", ")
    );
    files.push(("policies/hierarchies/ward.toml".to_owned(), hierarchy));
    files.push(("policies/maps/pc4-ward.toml".to_owned(), map));
    let name = format!("policies/datasets/{dataset}.toml");
    let (_, text) = files.iter_mut().find(|(file, _)| *file == name).unwrap();
    let postcode = if text.contains("name = \"postcode\"") {
        String::new()
    } else {
        "[[field]]\nname = \"postcode\"\ntype = \"pc4\"\ntitle = { nl = \"P\", en = \"P\" }\n\
         description = { nl = \"P\", en = \"P\" }\n\n"
            .to_owned()
    };
    let ward = "[[field]]\nname = \"ward\"\ntype = \"code\"\nhierarchy = \"ward\"\n\
                derive = { mapped = { of = \"postcode\", table = \"pc4-ward\" } }\n\
                title = { nl = \"Buurt\", en = \"Ward\" }\ndescription = { nl = \"Buurt\", en = \"Ward\" }\n\n";
    *text = text.replacen("[[field]]", &format!("{postcode}{ward}[[field]]"), 1);
    let errors = Catalogue::parse(&files).err().unwrap_or_default();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    errors.join("\n")
}

/// The mistakes of the shipped catalogue with one text in one file replaced.
fn mistakes(file: &str, from: &str, to: &str) -> String {
    let mut files = shipped_files();
    let (_, text) = files
        .iter_mut()
        .find(|(name, _)| name == &format!("policies/{file}"))
        .unwrap();
    assert!(text.contains(from), "{file}: {from}");
    *text = text.replacen(from, to, 1);
    let errors = Catalogue::parse(&files).err().unwrap_or_default();
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

const BROKEN: &[(&str, &str, &str)] = &[
    ("datasets/enrolment.toml", "required = true", "requird = true"),
    ("datasets/enrolment.toml", "version = 1", "version = \"one\""),
    ("datasets/enrolment.toml", "version = 1\n", ""),
    ("datasets/enrolment.toml", "version = 1", "version = = 1"),
    ("datasets/enrolment.toml", "type = \"brin6\"", "type = \"brin\""),
    (
        "datasets/enrolment.toml",
        "holder = \"school-board\"",
        "holder = \"vendor\"",
    ),
    (
        "datasets/enrolment.toml",
        "name = \"year-group\"",
        "name = \"Year_Group\"",
    ),
    (
        "datasets/enrolment.toml",
        "dataset = \"enrolment\"",
        "dataset = \"enrollment\"",
    ),
    (
        "datasets/enrolment.toml",
        "row_key = [\"pupil\", \"site\", \"from\"]",
        "row_key = [\"site\", \"form\", \"until\"]",
    ),
    ("datasets/enrolment.toml", "since = \"from\"", "since = \"site\""),
    ("datasets/enrolment.toml", "keep = \"P3Y\"", "keep = \"3 years\""),
    (
        "datasets/enrolment.toml",
        "accept_up_to_percent = 2",
        "accept_up_to_percent = 80",
    ),
    (
        "datasets/enrolment.toml",
        "hierarchy = \"year-group\"",
        "hierarchy = \"yeargroup\"",
    ),
    ("datasets/enrolment.toml", "hierarchy = \"sector\"\n", ""),
    ("datasets/enrolment.toml", "min = 0\n", ""),
    (
        "datasets/enrolment.toml",
        "type = \"pc4\"",
        "type = \"pc4\"\nmax_chars = 4",
    ),
    (
        "datasets/enrolment.toml",
        "{ age = { of = \"birth-date\" } }",
        "{ age = { of = \"site\" } }",
    ),
    (
        "datasets/enrolment.toml",
        "table = \"pc4-neighbourhood\"",
        "table = \"pc4-neighborhood\"",
    ),
    (
        "datasets/enrolment.toml",
        "{ code = \"VO2401\"",
        "{ code = \"PO2401\"",
    ),
    (
        "datasets/enrolment.toml",
        "name = \"postcode\"",
        "name = \"pupil\"",
    ),
    (
        "datasets/enrolment.toml",
        "then = \"sector@phase\"",
        "then = \"sector@fase\"",
    ),
    (
        "datasets/enrolment.toml",
        "pairs = [[\"V\", \"VSO\"]]",
        "pairs = [[\"V\", \"VS0\"]]",
    ),
    (
        "datasets/absence.toml",
        "class = \"sensitive\"",
        "class = \"secret\"",
    ),
    (
        "datasets/absence.toml",
        "when = \"stay-at-home\"\nthen = \"kind\"\npairs = [[\"true\", \"unauthorised\"]]",
        "when = \"kind\"\nthen = \"stay-at-home\"\npairs = [[\"unauthorised\", \"true\"]]",
    ),
    ("datasets/admissibility.toml", "max_chars = 32", "max_chars = 0"),
    (
        "datasets/admissibility.toml",
        "name = \"number\"",
        "name = \"number\"\nclass = \"normal\"",
    ),
    (
        "datasets/caseload.toml",
        "retention = { from = [\"until\"], keep = \"P1Y\" }\n",
        "",
    ),
    (
        "datasets/resident.toml",
        "name = \"site\"",
        "name = \"site\"\nclass = \"sensitive\"",
    ),
    (
        "datasets/resident.toml",
        "member = \"inside\"",
        "member = \"insde\"",
    ),
    (
        "hierarchies/neighbourhood.toml",
        "parent = \"ALM-HAVEN\"",
        "parent = \"ALM-HAVN\"",
    ),
    ("hierarchies/neighbourhood.toml", ", parent = \"ALM-HAVEN\"", ""),
    ("hierarchies/sector.toml", "code = \"SBO\"", "code = \"BO\""),
    (
        "hierarchies/sector.toml",
        "hierarchy = \"sector\"",
        "hierarchy = sector",
    ),
    (
        "maps/pc4-neighbourhood.toml",
        "other = \"ELSEWHERE\"",
        "other = \"ELSWHERE\"",
    ),
    (
        "populations/children.toml",
        "\"resident\"",
        "\"residents\", \"site\"",
    ),
    ("populations/children.toml", "\"10-01\"", "\"10-32\""),
];
