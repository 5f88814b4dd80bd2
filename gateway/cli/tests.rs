use clap::CommandFactory as _;

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_are_read() {
    for (line, reads) in [
        ("doelpoort token --client c", true),
        (
            "doelpoort ask --client c p q --epoch latest --only a.b=c --format csv",
            true,
        ),
        ("doelpoort ask --client c p q --only a.b", false),
        ("doelpoort ask p q", false),
        ("doelpoort query --client c - --case 7", true),
        (
            "doelpoort facts --client c p --field a.b --pupil bsn=1 --pupil eckId=2",
            true,
        ),
        (
            "doelpoort deliver --client c enrolment rows.csv --mode changes --holder 1",
            true,
        ),
        (
            "doelpoort deliver --client c enrolment rows.csv --mode all",
            false,
        ),
        ("doelpoort check --config x.toml", true),
    ] {
        assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), reads, "{line}");
    }
}
