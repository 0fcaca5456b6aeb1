//! Reports for tests: one that is plain, one with names that somebody chose to break it.

use fleet::compliance::Month;
use wire::UtcMs;

use super::model::{Asks, Days, FORMAT, Missing, Note, PowerFailure, Report, Sheet, Test};

/// Names that break what is not careful: Hebrew and Arabic with digits, an override, emoji, what no font has, a formula, control
/// characters, one word that is longer than a line.
pub const HOSTILE: [&str; 8] = [
    "מגדל מזרח 7",
    "الطابق 12 East",
    "Tower \u{202e}evil\u{202c} end",
    "Lab 🔋 wing",
    "変電所 三",
    "=HYPERLINK(\"http://evil\")",
    "Line\nfeed\tand\u{7}bell",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsraumnummersiebenundzwanzig",
];

/// A plain year of one inverter, with a failure and what was done.
pub fn plain() -> Report {
    report("Parking P1, St. Brendan Medical Center", vec![sheet("Parking P1", 14)])
}

/// One inverter for each of [`HOSTILE`].
pub fn hostile() -> Report {
    let names: Vec<String> = HOSTILE.iter().map(|name| super::words::printable(name)).collect();
    report("Names", names.iter().map(|name| sheet(name, 3)).collect())
}

/// One inverter with so many tests.
pub fn of(tests: i64) -> Report {
    report("So many", vec![sheet("Parking P1", tests)])
}

/// More tests than one sheet of paper holds.
pub fn long() -> Report {
    report("Long", vec![sheet("Long", 120)])
}

fn report(title: &str, inverters: Vec<Sheet>) -> Report {
    Report {
        format: FORMAT,
        number: "TR-2026-11-7KQ2M4XD".to_owned(),
        title: title.to_owned(),
        period: Days {
            from: "2025-12-01".to_owned(),
            to: "2026-11-17".to_owned(),
            words: "Dec 1, 2025 to Nov 17, 2026".to_owned(),
        },
        made_at: UtcMs(1_795_000_000_000),
        made_words: "Nov 18, 2026, 3:06 AM EST".to_owned(),
        made_for: "Dana Okafor".to_owned(),
        made_by: "https://inverters.test".to_owned(),
        inverters,
    }
}

fn sheet(name: &str, tests: i64) -> Sheet {
    Sheet {
        id: "mine".to_owned(),
        name: name.to_owned(),
        serial: "2402-00967".to_owned(),
        model: "Series EM, 2.8 kW, 120 V".to_owned(),
        place: name.to_owned(),
        site: "St. Brendan Medical Center".to_owned(),
        address: "1 Harbor Street".to_owned(),
        owner: "Harborview Properties".to_owned(),
        time_zone: "America/New_York".to_owned(),
        rules: Asks {
            name: "nfpa_101",
            source: "NFPA 101, 7.9.3",
            monthly_s: 30,
            annual_minutes: 90,
            words: "30 s monthly, 90 min yearly".to_owned(),
        },
        monthly: "12 of 12, 1 on retest".to_owned(),
        annual: "Passed Apr 2, 2026".to_owned(),
        tests: (0..tests).map(|number| test(name, number)).collect(),
        outages: vec![PowerFailure {
            started: UtcMs(1_790_000_000_000),
            started_words: "Sep 21, 2026, 10:13 AM EDT".to_owned(),
            length_s: 754.0,
            length_words: "12 min".to_owned(),
            gave_up: false,
            end_unseen: false,
            lowest_voltage: Some(50.4),
            words: "It was said to hold 96 min at its start. Full again Sep 21, 2026, 2:40 PM EDT."
                .to_owned(),
        }],
        missing: vec![Missing {
            what: "Aug 2026".to_owned(),
            why: "No test in the five weeks after the one before.".to_owned(),
        }],
        kept: "Watched since Nov 1, 2025. Its records are kept in the logbook.".to_owned(),
        forgets: false,
    }
}

fn test(name: &str, number: i64) -> Test {
    let failed = number % 14 == 9;
    let started = UtcMs(1_764_756_000_000).plus_ms(number * 30 * wire::time::DAY_MS);
    let month = Month::of(started, &|at| at.0 / 60_000);
    let note = Note {
        text: format!("Battery string 2 of {name} replaced by Voltline Electric; retest passed."),
        by: "Luis Prieto".to_owned(),
        written_at: started,
        written_words: "Aug 6, 2026".to_owned(),
    };
    Test {
        key: format!("test/{}", started.0),
        started,
        started_words: format!("{} 3, {}, 5:00 AM EST", super::words::month(month), month.year()),
        kind: if number % 14 == 4 { "annual" } else { "monthly" },
        length_s: if failed { 11.0 } else { 30.0 },
        length_words: if failed { "11 s".to_owned() } else { "30 s".to_owned() },
        grade: if failed { "failed" } else { "passed" },
        reason: if failed {
            "The battery gave up before the time was over.".to_owned()
        } else {
            String::new()
        },
        own_result: Some(if failed { "failed".to_owned() } else { "passed".to_owned() }),
        end_voltage: Some(53.1),
        load: Some(6_100.0),
        load_unit: Some("W"),
        known_by: "readings",
        notes: if failed { vec![note] } else { Vec::new() },
    }
}
