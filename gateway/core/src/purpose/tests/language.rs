//! The forms, conditions and coarser values that the sound file does not show.

use super::*;

/// The sound file with another grant of records in place of its own.
fn records(grant: &str) -> String {
    let begin = SOUND.find("[[grant]]\nform = \"records\"").unwrap();
    let end = SOUND.find("[[grant]]\nform = \"facts\"").unwrap();
    format!("{}{grant}\n{}", &SOUND[..begin], &SOUND[end..])
}

fn second(text: &str) -> Grant {
    let purpose = World::new().parse(text);
    purpose
        .unwrap_or_else(|errors| panic!("{:#?}", shown(&errors)))
        .grants[1]
        .clone()
}

fn messages(text: &str) -> Vec<String> {
    let errors = World::new().parse(text).err().unwrap_or_default();
    errors.into_iter().map(|error| error.message).collect()
}

const OWN_SCHOOL: &str = r#"[[grant]]
form = "records"
recipient = [{ kind = "school-board", role = "school" }]
dataset = "resident"
holders = "all"
fields = [
  { field = "resident.age", as = "band", width = 4 },
  { field = "resident.birth-date", as = "quarter" },
  { field = "resident.site", as = "brin4" },
  { field = "resident.from", as = "school-year" },
]
scope = "own-site"
partial = true
retention = "P6M"
limit = { requests = "10/min" }

[[grant.holder_rule]]
holder = "municipality"
without = ["resident.birth-date"]
retention = "P3M"
"#;

#[test]
fn scopes_coarser_forms_and_conditions_are_read() {
    let Grant::Records(grant) = second(&records(OWN_SCHOOL)) else {
        panic!("another form")
    };
    let coarser: Vec<_> = grant
        .fields
        .iter()
        .map(|one| one.generalise.as_ref().unwrap().name())
        .collect();
    assert_eq!(coarser, ["band-4", "quarter", "brin4", "school-year"]);
    assert_eq!(grant.scope, Scope::OwnSite);
    assert_eq!(
        (grant.conditions.partial, grant.conditions.retention.as_deref()),
        (true, Some("P6M"))
    );
    let [rule] = grant.conditions.holder_rules.as_slice() else {
        panic!("one rule")
    };
    assert_eq!(rule.holder.as_str(), "municipality");
    assert_eq!((rule.without.len(), rule.retention.as_deref()), (1, Some("P3M")));
}

const ANONYMOUS: &str = r#"[[grant]]
form = "records"
recipient = [{ organisation = "swv-po", role = "dashboard" }]
dataset = "enrolment"
holders = "all"
fields = [
  "enrolment.sector",
  { field = "enrolment.neighbourhood", as = "district" },
  "absence.stay-at-home",
]
filter_by = ["enrolment.sector"]
scope = "everything"
staff = "none"
k_anonymity = 10
population = "children"
epochs = "count-dates"
limit = { requests = "600/h" }
"#;

#[test]
fn k_anonymous_records_are_of_an_epoch_and_lead_back_to_nobody() {
    let Grant::Records(grant) = second(&records(ANONYMOUS)) else {
        panic!("another form")
    };
    let anonymous = grant.anonymous.unwrap();
    assert_eq!(anonymous.k.k(), 10);
    assert_eq!(
        (anonymous.population.as_str(), anonymous.epochs.as_str()),
        ("children", "count-dates")
    );

    // Nobody can have a pseudonym of theirs resolved.
    let world = World::new();
    let purpose = world.parse(&records(ANONYMOUS)).unwrap();
    let swv = world.organisations.by_slug(&"swv-po".parse().unwrap()).unwrap();
    assert!(!purpose.gives_pseudonyms(swv, &grant.dataset));
    assert_eq!(purpose.pseudonyms_last(swv, &grant.dataset), None);

    // Their rows have the same pseudonyms, so there is one grant of them in a purpose.
    let two = records(&format!("{ANONYMOUS}\n{ANONYMOUS}"));
    assert_eq!(
        messages(&two),
        [
            "grants 1 and 2 both give k-anonymous records under the same pseudonyms, so their rows could be joined; give \
          one of them a purpose of its own"
        ]
    );
}

#[test]
fn what_is_counted_with_noise_is_not_given_row_by_row() {
    let world = World::new();
    // It counts absences as well.
    let purpose = world.parse(&records(ANONYMOUS)).unwrap();
    let beside = |purpose: &Purpose| purpose.true_counts_beside(&world.catalogue, std::iter::once(purpose));
    assert_eq!(
        beside(&purpose),
        [
            "k-anonymous records give `absence.stay-at-home`, and purpose `trial` gives protected figures of `absence`: who \
          counts the rows has the true ones"
        ]
    );
    let open = ANONYMOUS.replace("  \"absence.stay-at-home\",\n", "");
    assert!(beside(&world.parse(&records(&open)).unwrap()).is_empty());
}

const RESOLVE: &str = r#"[[grant]]
form = "resolve"
recipient = [{ organisation = "swv-po", role = "consulent" }]
dataset = "enrolment"
holders = "all"
of = "case-consultation"
reasons = ["contact-school", "safety"]
shows = { case = true }
deadline_days = 5
limit = { requests = "20/d", per_day = 20 }
"#;
const TRANSLATE: &str = r#"[[grant]]
form = "translate"
recipient = [{ organisation = "swv-po", role = "consulent" }]
dataset = "enrolment"
holders = "all"
from = "case-consultation"
to = { organisation = "swv-vo", purpose = "case-consultation" }
limit = { requests = "5/d", per_day = 1000 }
"#;
const RESTRICT: &str = r#"[[grant]]
form = "restrict"
recipient = [{ kind = "school-board", role = "school" }]
dataset = "enrolment"
holders = "all"
identifiers = ["eckId"]
scope = "own-school"
limit = { requests = "600/h" }
"#;

#[test]
fn pseudonyms_and_objections_have_forms_of_their_own() {
    let Grant::Resolve(resolve) = second(&records(RESOLVE)) else {
        panic!("another form")
    };
    assert_eq!(
        (resolve.persons, resolve.per_day, resolve.deadline_days),
        (2, 20, 5)
    );
    assert_eq!((resolve.shows_purpose, resolve.shows_case), (false, true));
    let Grant::Translate(translate) = second(&records(TRANSLATE)) else {
        panic!("another form")
    };
    assert_eq!((translate.to.as_str(), translate.per_day), ("swv-vo", 1000));
    let Grant::Restrict(restrict) = second(&records(RESTRICT)) else {
        panic!("another form")
    };
    assert_eq!(
        (restrict.scope, restrict.staff),
        (Scope::OwnSchool, StaffRule::Proved)
    );
}

/// Each line: a grant, what is replaced in it, by what, and the one message that follows.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (
        OWN_SCHOOL,
        "kind = \"school-board\"",
        "organisation = \"swv-po\"",
        "scope `own-site` says nothing about `swv-po`",
    ),
    (
        OWN_SCHOOL,
        "\"own-site\"",
        "\"own-board\"",
        "scope `own-board` gives rows that the board holds, and `resident` is held by others; use `own-school`",
    ),
    (
        OWN_SCHOOL,
        "partial = true",
        "epochs = \"count-dates\"",
        "only k-anonymous records have `epochs`: add `k_anonymity`",
    ),
    (
        ANONYMOUS,
        "k_anonymity = 10",
        "k_anonymity = 9",
        "`k_anonymity` is 10 at least here",
    ),
    (
        ANONYMOUS,
        "population = \"children\"\n",
        "",
        "k-anonymous records are released once an epoch: name its `population`",
    ),
    (
        ANONYMOUS,
        "\"count-dates\"",
        "\"months\"",
        "`children` has no calendar `months`",
    ),
    (
        ANONYMOUS,
        "filter_by = [\"enrolment.sector\"]",
        "filter_by = [\"enrolment.site\"]",
        "`enrolment.site` is not among `fields` as it is, and over these the classes of k-anonymous records are formed",
    ),
    (
        ANONYMOUS,
        "filter_by = [\"enrolment.sector\"]",
        "only = { \"enrolment.neighbourhood\" = \"WK003403\" }",
        "`enrolment.neighbourhood` is not among `fields` as it is, and over these the classes of k-anonymous records \
         are formed",
    ),
    (
        ANONYMOUS,
        "dataset = \"enrolment\"",
        "dataset = \"absence\"",
        "k-anonymous records are of those whom a population counts, and `children` does not count by `absence`",
    ),
    (
        ANONYMOUS,
        "  \"enrolment.sector\",",
        "  \"enrolment.sector\", \"absence.reason\",",
        "`absence.reason` and `absence.stay-at-home` are both sensitive: who knows the one of a pupil would read off the \
         other",
    ),
    (
        ANONYMOUS,
        "limit =",
        "key_period = \"school-year\"\nlimit =",
        "k-anonymous records are released once an epoch, of everybody and under pseudonyms of that epoch: no `key_period`",
    ),
    (
        ANONYMOUS,
        "limit =",
        "partial = true\nlimit =",
        "k-anonymous records are released once an epoch, of everybody and under pseudonyms of that epoch: no `partial`",
    ),
    (
        OWN_SCHOOL,
        "partial = true",
        "filter_by = [\"resident.birth-date\"]",
        "`resident.birth-date` is given in a coarser form, so it cannot be filtered on",
    ),
    (OWN_SCHOOL, ", width = 4", "", "missing key `width`"),
    (
        OWN_SCHOOL,
        "as = \"band\", width = 4",
        "as = \"year\"",
        "`resident.age` is a number: it has no form `year`, expected `band` with a `width`",
    ),
    (
        OWN_SCHOOL,
        "holder = \"municipality\"",
        "holder = \"swv-po\"",
        "no rows of `swv-po` are touched, so its rule would never hold",
    ),
    (
        OWN_SCHOOL,
        "[\"resident.birth-date\"]",
        "[\"resident.attends\"]",
        "`municipality` withholds `resident.attends`, which the grant does not give",
    ),
    (
        OWN_SCHOOL,
        "without = [\"resident.birth-date\"]\nretention = \"P3M\"\n",
        "",
        "sets no condition: `without` or `retention`, and for figures `round` or `show_from`",
    ),
    (
        OWN_SCHOOL,
        "\"P3M\"",
        "\"3 months\"",
        "must be an ISO 8601 duration such as `P1Y`",
    ),
    (
        OWN_SCHOOL,
        "retention = \"P3M\"",
        "round = 5",
        "unknown key `round`",
    ),
    (RESOLVE, ", per_day = 20", "", "missing key `per_day`"),
    (
        RESOLVE,
        "deadline_days = 5",
        "deadline_days = 5\npersons = 1",
        "must be from 2 to 4",
    ),
    (
        RESOLVE,
        "[\"contact-school\", \"safety\"]",
        "[]",
        "must not be empty",
    ),
    (
        TRANSLATE,
        "\"swv-vo\"",
        "\"swv-po\"",
        "translates pseudonyms into themselves: `from` and `to` are one purpose of one recipient",
    ),
    (
        TRANSLATE,
        "limit =",
        "staff = \"stated\"\nlimit =",
        "translate prove the person who asks (hard rule `staff-proved`: AVG art. 5 lid 2, art. 32)",
    ),
    (
        RESTRICT,
        "\"own-school\"",
        "\"own-site\"",
        "restrictions are entered for a school's own pupils: scope `own-school`",
    ),
];

#[test]
fn what_cannot_be_evaluated_is_refused_when_it_is_read() {
    let mut wrong = Vec::new();
    for (grant, from, to, expected) in BROKEN {
        assert_eq!(grant.matches(from).count(), 1, "ambiguous: {from}");
        let found = messages(&records(&grant.replace(from, to)));
        if found != [*expected] {
            wrong.push((to, expected, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn figures_have_no_partial_answer_and_may_be_shown_from_a_number() {
    let partial = SOUND.replace(
        "epochs = \"count-dates\"",
        "epochs = \"count-dates\"\npartial = true",
    );
    assert_eq!(
        messages(&partial),
        ["figures are the same for all purposes, so `partial` cannot leave out one holder's rows"]
    );
    let from = SOUND.replace("round = 5 }", "round = 5, show_from = 20 }");
    let purpose = World::new().parse(&from).unwrap();
    assert!(matches!(&purpose.grants[0], Grant::Figures(grant) if grant.show_from == 20));
}

#[test]
fn a_purpose_of_pseudonyms_names_purposes_that_give_them() {
    let world = World::new();
    let consultation = world.parse(SOUND).unwrap();
    let resolving = world
        .parse(&records(&RESOLVE.replace("\"case-consultation\"", "\"trial\"")))
        .unwrap();
    let unmet = |purpose: &Purpose, known: Option<&Purpose>| {
        purpose.unmet(|id| known.filter(|found| found.id == *id), &world.organisations)
    };
    assert!(unmet(&resolving, Some(&consultation)).is_empty());
    assert_eq!(unmet(&resolving, None), ["unknown purpose `trial`"]);
    assert_eq!(
        unmet(&resolving, Some(&resolving)),
        ["purpose `trial` gives `swv-po` no records of `enrolment`, so it has no pseudonyms of it"]
    );
}
