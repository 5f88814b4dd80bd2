//! A small catalogue for tests of the store: two datasets about pupils, one about staff.

use doelpoort_core::catalogue::Catalogue;

/// `birth-date` and `site` of `enrolment` (school board), `birth-date` of `resident` (municipality), `caseload`
/// (SWV); each about pupils also has `from`.
pub(crate) fn small() -> Catalogue {
    with_enrolment_field("")
}

/// The same, with one more field in `enrolment`.
pub(crate) fn with_enrolment_field(field: &str) -> Catalogue {
    let site = field_toml("site", "brin6");
    let birth = field_toml("birth-date", "date");
    let files = [
        (
            "enrolment",
            "pupil",
            "school-board",
            "pupil",
            format!("{birth}{site}{field}"),
        ),
        ("resident", "pupil", "municipality", "pupil", birth.clone()),
        (
            "caseload",
            "staff",
            "swv",
            "staff",
            format!("{}{site}", field_toml("staff", "staff-id")),
        ),
    ]
    .map(|(name, about, holder, key, fields)| {
        let text = format!(
            "dataset = \"{name}\"\nversion = 1\ntitle = {{ nl = \"x\", en = \"x\" }}\n\
             description = {{ nl = \"X.\", en = \"X.\" }}\nabout = \"{about}\"\nholder = \"{holder}\"\n\
             class = \"normal\"\nrow_key = [\"{key}\", \"from\"]\nsince = \"from\"\nperiod = \"none\"\n\
             errors = \"refuse-all\"\nretention = {{ from = [\"from\"], keep = \"P1Y\" }}\n{}{fields}",
            field_toml("from", "date"),
        );
        (format!("datasets/{name}.toml"), text)
    });
    Catalogue::parse(&files).unwrap()
}

/// A required field, as it stands in a dataset's file.
pub(crate) fn field_toml(name: &str, field_type: &str) -> String {
    format!(
        "\n[[field]]\nname = \"{name}\"\ntype = \"{field_type}\"\nrequired = true\n\
         title = {{ nl = \"x\", en = \"x\" }}\ndescription = {{ nl = \"X.\", en = \"X.\" }}\n"
    )
}
