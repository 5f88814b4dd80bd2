//! Files with one mistake, and what is said about it.

/// Each line: what is replaced, by what, and the one message that follows.
pub(super) const BROKEN: &[(&str, &str, &str)] = &[
    ("version = 3", "version = 0", "2:11: must be from 1 to 4294967295"),
    ("version = 3", "version = \"3\"", "2:11: must be a whole number"),
    (
        "contact =",
        "contacts = 1\ncontact =",
        "10:1: unknown key `contacts`; did you mean `contact`?",
    ),
    (
        "purpose = \"trial\"",
        "purpose = \"trail\"",
        "1:11: must be the file's name",
    ),
    ("retention = \"P1Y\"\n", "", "1:1: missing key `retention`"),
    (
        "\"P1Y\"",
        "\"1 year\"",
        "9:13: must be an ISO 8601 duration such as `P1Y`",
    ),
    (
        "until = 2027-07-31",
        "until = \"2027-07-31\"",
        "8:38: must be a date such as 2027-07-31, without quotes",
    ),
    (
        "until = 2027-07-31",
        "until = 2026-07-31",
        "8:9: `until` lies before `from`",
    ),
    (
        "valid = { from = 2026-08-01, until = 2027-07-31 }",
        "valid = { from = 2026-08-01 }",
        "8:9: missing key `until`",
    ),
    (
        "basis = { avg = \"6(1)(e)\", special = \"none\" }\n",
        "",
        "1:1: missing key `basis`",
    ),
    (
        "6(1)(e)",
        "6(1)(g)",
        "6:17: unknown point of AVG 6(1) `6(1)(g)`, expected one of `6(1)(a)`, `6(1)(b)`, `6(1)(c)`, `6(1)(d)`, \
         `6(1)(e)`, `6(1)(f)`; did you mean `6(1)(a)`?",
    ),
    (
        "\"swv-po\", law",
        "\"swv-p0\", law",
        "5:33: unknown organisation `swv-p0`; did you mean `swv-po`?",
    ),
    (
        "dpia = { reference = \"DPIA-1\", date = 2026-03-12 }\n",
        "",
        "1:1: missing key `dpia`: a grant on `absence` concerns sensitive data \
         (hard rule `dpia-where-sensitive`: AVG art. 35)",
    ),
    (
        "form = \"figures\"",
        "form = \"figure\"",
        "13:8: unknown form `figure`, expected one of `delivery`, `facts`, `figures`, `records`, \
         `resolve`, `restrict`, `search`, `translate`; did you mean `figures`?",
    ),
    (
        "dataset = \"absence\"",
        "dataset = \"absense\"",
        "15:11: unknown dataset `absense`; did you mean `absence`?",
    ),
    (
        "dataset = \"absence\"",
        "dataset = \"caseload\"",
        "15:11: dataset `caseload` is not about pupils",
    ),
    (
        "\"children\"",
        "\"childern\"",
        "17:14: unknown population `childern`; did you mean `children`?",
    ),
    (
        "epochs = \"count-dates\"",
        "epochs = \"months\"",
        "22:10: `children` has no calendar `months`",
    ),
    (
        "hood@district\", \"enrol",
        "hood@distric\", \"enrol",
        "18:13: `enrolment.neighbourhood` has no level `distric`; did you mean `district`?",
    ),
    (
        "\"enrolment.sector\"]",
        "\"enrolment.sectors\"]",
        "18:49: unknown field `enrolment.sectors`; did you mean `enrolment.sector`?",
    ),
    (
        "\"enrolment.sector\"]",
        "\"enrolment.birth-date\"]",
        "18:49: `enrolment.birth-date` has no codes, so it is not a dimension",
    ),
    (
        "\"enrolment.sector\"]",
        "\"enrolment.neighbourhood\"]",
        "18:49: `enrolment.neighbourhood` is named twice",
    ),
    (
        "\"enrolment.sector\"]",
        "\"site.brin6\"]",
        "18:49: dataset `site` is not about pupils",
    ),
    (
        "\"unauthorised\"",
        "\"unautorised\"",
        "20:27: `absence.kind` has no code `unautorised`; did you mean `unauthorised`?",
    ),
    (
        "measures = [\"pupils\"]\nepochs",
        "measures = [\"sum(absence.hours)\"]\nepochs",
        "57:13: measure `pupils` is not within the grant",
    ),
    (
        "measures = [\"pupils\"]\nepochs",
        "measures = [\"pupil\"]\nepochs",
        "21:13: a measure is `pupils`, `rows(dataset)`, `sum(dataset.field)`, `mean(dataset.field)`, `distribution(dataset.field)`, `share(dataset.field)` or `per-1000(dataset)`",
    ),
    (
        "{ mechanism = \"cell-key\", round = 5 }",
        "{ mechanism = \"exact\" }",
        "12:1: `exact` counts the recipient's own rows, and not every recipient holds `absence`, `enrolment`; where a law \
         gives the exact figure over others' rows, name it: `article = \"…\"`",
    ),
    (
        "600/h\", cells",
        "600\", cells",
        "24:22: a rate is a number from 1, a slash and a unit, such as `600/h`",
    ),
    ("10/min\"", "10/min\", cells = 5", "33:32: unknown key `cells`"),
    (
        "[\"board-41676\"]",
        "[\"board-41677\"]",
        "30:12: unknown organisation `board-41677`; did you mean `board-41676`?",
    ),
    (
        "[\"board-41676\"]",
        "[\"swv-vo\"]",
        "30:12: `swv-vo` is not of the kind that holds this dataset",
    ),
    (
        "[\"board-41676\"]",
        "\"any\"",
        "30:11: unknown holders `any`, expected one of `all`",
    ),
    (
        "as = \"month\"",
        "as = \"week\"",
        "31:61: `absence.since` has no form `week`, expected one of `year`, `school-year`, `quarter`, `month`",
    ),
    (
        "as = \"district\"",
        "as = \"districts\"",
        "31:114: `enrolment.neighbourhood` has no form `districts`, expected one of `neighbourhood`, `district`, `city`; \
         did you mean `district`?",
    ),
    (
        "[\"enrolment.site\",",
        "[\"caseload.staff\",",
        "31:11: dataset `caseload` is about staff; it only gives scope",
    ),
    (
        "scope = \"caseload\"",
        "scope = \"caseloads\"",
        "32:9: unknown scope `caseloads`, expected one of `caseload`, `own-board`, `own-school`, `own-site`, \
         `everything`; did you mean `caseload`?",
    ),
    (
        "scope = \"caseload\"",
        "scope = \"caseload\"\nonly = { \"enrolment.sector@phase\" = \"PO\" }",
        "33:8: records are filtered by a field's own codes, not by `enrolment.sector@phase`",
    ),
    (
        "{ kind = \"school-board\", role = \"school\" }",
        "{ role = \"school\" }",
        "37:14: needs either `organisation` or `kind`",
    ),
    (
        "fields = [\"admissibility.kind\"]\n",
        "",
        "35:1: grants nothing: neither `fields` nor `exists = true`",
    ),
    ("grant = 0", "grant = 1", "54:9: grant 1 is not of form `figures`"),
    (
        "grant = 0",
        "grant = 9",
        "54:9: there is no grant 9; the first is 0",
    ),
    (
        "hood@district\"]",
        "hood\"]",
        "55:13: `enrolment.neighbourhood@neighbourhood` is not within the grant",
    ),
    (
        "hood@district\"]",
        "hood@district\", \"enrolment.year-group\"]",
        "55:49: `enrolment.year-group@year-group` is not within the grant",
    ),
    (
        "\"absence.stay-at-home\" = true",
        "\"absence.reason\" = \"other\"",
        "56:10: `absence.reason` is not within the grant",
    ),
    (
        "holders = \"all\"\npopulation",
        "holders = [\"board-41676\"]\npopulation",
        "12:1: figures over some of the holders have no mechanism yet",
    ),
    (
        "filter_by = [\"absence.stay-at-home\"]",
        "filter_by = [\"absence.stay-at-home\", \"enrolment.neighbourhood@district\"]",
        "12:1: `enrolment.neighbourhood` occurs twice among the grant's dimensions",
    ),
    (
        "\"10/min\" }",
        "\"10/min\" }\nfilter_by = [\"absence.weeks\"]",
        "26:1: `absence.weeks` is computed when asked, so it cannot be filtered on",
    ),
    (
        "scope = \"caseload\"",
        "scope = \"own-site\"",
        "26:1: scope `own-site` says nothing about `swv-po`",
    ),
    (
        "scope = \"caseload\"",
        "scope = \"caseload\"\nfilter_by = [\"absence.since\"]",
        "26:1: `absence.since` is given in a coarser form, so it cannot be filtered on",
    ),
    (
        "fields = [\"admissibility.kind\"]",
        "fields = [\"admissibility.kind\", \"enrolment.site\"]",
        "35:1: `enrolment.site` is not of dataset `admissibility`, whose rows answer",
    ),
];
