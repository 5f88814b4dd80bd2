use proptest::prelude::*;
use serde_json::json;

use super::ValueErrorCode as Code;
use super::*;
use crate::catalogue::tests::shipped;

fn read(field: &str, raw: Raw<'_>) -> Result<Value, Code> {
    let catalogue = shipped();
    let name = field.parse().unwrap();
    let (_, found) = catalogue.field(&name).unwrap();
    found
        .parse_value(raw, catalogue.hierarchy_of(&name))
        .map_err(|error| error.code)
}

#[test]
fn each_type_takes_its_values_and_no_others() {
    let text = |text: &str| Ok(Value::Text(text.to_owned()));
    let date = |text: &str| Ok(Value::Date(text.parse().unwrap()));
    let long = "x".repeat(65);
    let cases: Vec<(&str, &str, Result<Value, Code>)> = vec![
        ("absence.stay-at-home", "true", Ok(Value::Bool(true))),
        ("absence.stay-at-home", "Ja", Err(Code::NotABool)),
        ("enrolment.from", "2026-10-01", date("2026-10-01")),
        ("enrolment.from", "1900-01-01", date("1900-01-01")),
        ("enrolment.from", "1899-12-31", Err(Code::DateOutOfRange)),
        ("enrolment.from", "2026-02-29", Err(Code::NotADate)),
        ("enrolment.from", "20261001", Err(Code::NotADate)),
        ("enrolment.from", "2026-10-01T00:00", Err(Code::NotADate)),
        ("enrolment.from", "01-10-2026", Err(Code::NotADate)),
        ("enrolment.site", "06RM00", text("06RM00")),
        ("enrolment.site", "06rm00", Err(Code::NotABrin6)),
        ("enrolment.site", "06RM0", Err(Code::NotABrin6)),
        ("enrolment.site", "00AA00", Err(Code::UnknownCode)),
        ("resident.site", "00AA00", text("00AA00")),
        ("enrolment.postcode", "1312", text("1312")),
        ("enrolment.postcode", "0312", Err(Code::NotAPc4)),
        ("enrolment.postcode", "1312JZ", Err(Code::NotAPc4)),
        ("enrolment.year-group", "V", text("V")),
        ("enrolment.year-group", "9", Err(Code::UnknownCode)),
        ("enrolment.sector", "PO", Err(Code::UnknownCode)),
        ("absence.hours", "0", Ok(Value::Integer(0))),
        ("absence.hours", "2001", Err(Code::IntegerOutOfRange)),
        ("absence.hours", "+1", Err(Code::NotAnInteger)),
        ("absence.hours", "1.5", Err(Code::NotAnInteger)),
        (
            "admissibility.number",
            "PO2401-2026-00001",
            text("PO2401-2026-00001"),
        ),
        ("admissibility.number", "a\nb", Err(Code::ControlCharacter)),
        ("admissibility.number", &long, Err(Code::TooLong)),
        (
            "caseload.staff",
            "j.de.vries@swv.example",
            text("j.de.vries@swv.example"),
        ),
        ("caseload.staff", "met spatie", Err(Code::NotAStaffId)),
        ("caseload.staff", &long, Err(Code::NotAStaffId)),
    ];
    for (field, raw, expected) in cases {
        assert_eq!(read(field, Raw::Text(raw)), expected, "{field}: {raw}");
    }
}

#[test]
fn json_has_the_type_of_the_field() {
    for (field, good, bad) in [
        ("absence.stay-at-home", json!(false), json!("false")),
        ("absence.hours", json!(3), json!("3")),
        ("enrolment.year-group", json!("3"), json!(3)),
        ("enrolment.from", json!("2026-10-01"), json!({})),
    ] {
        assert!(read(field, Raw::Json(&good)).is_ok(), "{field}");
        assert_eq!(read(field, Raw::Json(&bad)), Err(Code::WrongType), "{field}");
    }
    assert_eq!(
        read("absence.hours", Raw::Json(&json!(1.5))),
        Err(Code::NotAnInteger)
    );
}

#[test]
fn a_value_is_never_shown_by_debug_output_or_an_error() {
    let catalogue = shipped();
    let name = "enrolment.site".parse().unwrap();
    let (_, field) = catalogue.field(&name).unwrap();
    let refused = field
        .parse_value("99ZZ99".into(), catalogue.hierarchy_of(&name))
        .unwrap_err();
    assert!(!format!("{refused} {refused:?} {:?}", Value::Text("99ZZ99".into())).contains("99ZZ99"));
}

proptest! {
    #[test]
    fn no_text_makes_reading_a_value_panic(text in "\\PC*|[0-9A-Z-]{0,10}") {
        let field = |field_type| Field { field_type, ..shipped_field() };
        for field_type in [FieldType::Bool, FieldType::Date, FieldType::Brin6, FieldType::Pc4, FieldType::StaffId,
            FieldType::Text { max_chars: 5 }, FieldType::Integer { min: -5, max: 5 }] {
            if let Ok(value) = field(field_type).parse_value(Raw::Text(&text), None) {
                let json = value.to_json();
                let again = field(field_type).parse_value(Raw::Json(&json), None);
                prop_assert_eq!(again, Ok(value));
            }
        }
    }
}

fn shipped_field() -> Field {
    Field {
        name: "x".parse().unwrap(),
        field_type: FieldType::Bool,
        required: false,
        class: crate::catalogue::ProtectionClass::Normal,
        hierarchy: None,
        codes: Vec::new(),
        bound: None,
        bins: Vec::new(),
        derive: None,
        title: crate::text::Text::same("x"),
        description: crate::text::Text::same("x"),
    }
}
